//! The documentation in the browser: `/openapi.json`, `/docs`, `/docs/errors`.
//!
//! Everything is served from here. A page that asked others for a font or a script would show
//! nothing on a machine without network, and tell them who reads it on one with.

use std::fmt;

use poem::{
    Endpoint, IntoEndpoint, Response, Route,
    endpoint::{BoxEndpoint, EndpointExt as _, make_sync},
    get,
};
use poem_openapi::{OpenApi, OpenApiService, Webhook};
use serde_json::Value;

use super::{error_code, lift::lift};

/// In the tables of a description a code stays one word, which the library would break anywhere, and on a phone a row is
/// a block. Only the id is stronger than the library's own rules.
const STYLE: &str = "<style>\
    #redoc-container .api-info td{word-break:normal}\
    #redoc-container .api-info td code{word-break:normal}\
    #redoc-container .api-info td:first-child code{white-space:nowrap}\
    @media(max-width:40rem){\
    #redoc-container .api-info td,#redoc-container .api-info tr{display:block}\
    #redoc-container .api-info td{border:0}\
    #redoc-container .api-info thead{display:none}}</style>";

/// The page may run what it brings and load nothing.
const CONTENT_POLICY: &str = "default-src 'none'; script-src 'unsafe-inline'; \
    style-src 'unsafe-inline'; img-src data:; font-src data:; worker-src blob:; \
    connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The API's documentation, made once.
#[derive(Clone)]
pub struct Documentation {
    document: Value,
    page: String,
}

impl Documentation {
    /// That of an API. `complete` adds what poem-openapi cannot say.
    ///
    /// # Panics
    ///
    /// If poem-openapi writes a document that is not JSON.
    pub fn new<T: OpenApi, W: Webhook>(
        service: &OpenApiService<T, W>,
        complete: impl FnOnce(&mut Value),
    ) -> Self {
        let raw = service.spec();
        let mut document = lift(serde_json::from_str(&raw).expect("poem-openapi writes JSON"));
        complete(&mut document);
        let page = offline(&service.redoc_html(), &raw, &document);
        Self { document, page }
    }

    /// The OpenAPI 3.1 document.
    #[must_use]
    pub fn document(&self) -> &Value {
        &self.document
    }

    /// The document as `paymux openapi` prints it and as it is published.
    #[must_use]
    pub fn printed(&self) -> String {
        format!("{:#}\n", self.document)
    }

    /// Adds the routes.
    #[must_use]
    pub fn mount(&self, routes: Route) -> Route {
        routes
            .at("/openapi.json", get(answer("application/json", self.document.to_string())))
            .at("/docs", get(page(self.page.clone())))
            .at("/docs/errors", get(page(error_code::html_page())))
    }
}

impl fmt::Debug for Documentation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Documentation").finish_non_exhaustive()
    }
}

fn page(html: String) -> BoxEndpoint<'static, Response> {
    answer("text/html; charset=utf-8", html)
        .map_to_response()
        .after(|answered| async {
            answered.map(|mut response: Response| {
                let policy = CONTENT_POLICY.parse().expect("a header's value");
                response.headers_mut().insert("Content-Security-Policy", policy);
                response
            })
        })
        .boxed()
}

/// The text does not change while we run: cheap to clone, and worth asking whether it did.
fn answer(kind: &'static str, text: String) -> impl Endpoint<Output = Response> + 'static {
    let text = bytes::Bytes::from(text);
    make_sync(move |_| {
        Response::builder().content_type(kind).header("Cache-Control", "no-cache").body(text.clone())
    })
    .into_endpoint()
}

/// Puts the lifted document in the place of the raw one, and takes out what asks others.
fn offline(page: &str, raw: &str, lifted: &Value) -> String {
    // A `</script>` in a description must not end the script the document stands in.
    let json = lifted.to_string().replace('<', "\\u003c");
    // The document stands behind the library, which is large: look from the end.
    let (before, after) = page.rsplit_once(raw).unwrap_or((page, ""));
    let title = lifted["info"]["title"].as_str().unwrap_or_default();
    let head = format!("<title>{title}</title>{STYLE}");
    let before = without_fonts(before).replacen("<title>Redoc</title>", &head, 1);
    [before, json, without_fonts(after)].concat()
}

fn without_fonts(html: &str) -> String {
    html.split_inclusive('\n').filter(|line| !line.contains("href=\"https://fonts.")).collect()
}

#[cfg(test)]
mod tests {
    use poem::test::TestClient;
    use poem_openapi::payload::Json;

    use super::*;

    struct Api;

    #[OpenApi]
    impl Api {
        /// Says hello</script><script>alert(1)</script>
        #[oai(path = "/hello", method = "get")]
        async fn hello(&self) -> Json<String> {
            Json(String::new())
        }
    }

    fn documentation() -> Documentation {
        Documentation::new(&OpenApiService::new(Api, "test", "1"), |_| {})
    }

    async fn fetch(path: &str) -> Response {
        TestClient::new(documentation().mount(Route::new())).get(path).send().await.0
    }

    #[tokio::test]
    async fn the_document_is_served_as_json() {
        let response = fetch("/openapi.json").await;
        assert_eq!(response.content_type(), Some("application/json"));
        let document: Value = response.into_body().into_json().await.unwrap();
        assert_eq!(document["openapi"], "3.1.0");
        assert_eq!(serde_json::from_str::<Value>(&documentation().printed()).unwrap(), document);
    }

    #[tokio::test]
    async fn the_page_holds_the_lifted_document() {
        let page = fetch("/docs").await.into_body().into_string().await.unwrap();
        let (_, after) = page.rsplit_once("let spec = ").unwrap();
        let mut values = serde_json::Deserializer::from_str(after).into_iter::<Value>();
        assert_eq!(&values.next().unwrap().unwrap(), documentation().document());
        assert!(after.contains("Redoc.init(spec"), "the end of the page is gone");
    }

    #[tokio::test]
    async fn the_page_has_the_title_of_the_document() {
        let page = fetch("/docs").await.into_body().into_string().await.unwrap();
        let (head, _) = page.split_once("<script").unwrap();
        assert!(head.contains("<title>test</title>") && head.contains(".api-info td"), "{head}");
    }

    #[tokio::test]
    async fn a_description_cannot_end_the_script() {
        let page = fetch("/docs").await.into_body().into_string().await.unwrap();
        assert!(!page.contains("</script><script>alert"));
        let (_, after) = page.rsplit_once("let spec = ").unwrap();
        assert_eq!(after.matches("</script>").count(), 1);
    }

    #[tokio::test]
    async fn the_page_asks_nobody_for_anything() {
        let response = fetch("/docs").await;
        let policy = response.header("Content-Security-Policy").unwrap().to_owned();
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("http"), "{policy}");
        let page = response.into_body().into_string().await.unwrap();
        // The library mentions addresses; only an element could fetch one before it runs.
        let (head, _) = page.split_once("<script").unwrap();
        assert!(!head.contains("http"), "{head}");
        assert!(!page.contains("<script src"));
    }

    #[tokio::test]
    async fn every_error_has_its_place_on_a_page() {
        let page = fetch("/docs/errors").await.into_body().into_string().await.unwrap();
        assert!(page.contains("id=\"payment_declined\""));
    }

    #[tokio::test]
    async fn an_unknown_page_is_not_found() {
        let routes = documentation().mount(Route::new());
        let response = TestClient::new(routes).get("/docs/nothing").send().await;
        assert_eq!(response.0.status(), 404);
    }
}
