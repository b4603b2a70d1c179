//! A JSON body in which nothing is ambiguous.

use std::{collections::BTreeSet, fmt};

use poem::{FromRequest, Request, RequestBody};
use poem_openapi::{
    ApiExtractor, ApiExtractorType, ExtractParamOptions,
    error::{ContentTypeError, ParseRequestPayloadError},
    impl_apirequest_for_payload,
    payload::{Json, ParsePayload, Payload},
    registry::{MetaMediaType, MetaRequest, MetaSchemaRef, Registry},
    types::{ParseFromJSON, Type},
};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

/// A JSON body without nulls and without a name twice.
///
/// `JSON.stringify({ amount: NaN })` is `{"amount":null}`: read as absent, it would cancel all instead
/// of a part. And of two amounts, one reader takes the first and another the last.
#[derive(Debug)]
pub(crate) struct StrictJson<T>(pub(crate) T);

impl<T: Type> Payload for StrictJson<T> {
    const CONTENT_TYPE: &'static str = Json::<T>::CONTENT_TYPE;

    fn check_content_type(content_type: &str) -> bool {
        Json::<T>::check_content_type(content_type)
    }

    fn schema_ref() -> MetaSchemaRef {
        T::schema_ref()
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}

impl<T: ParseFromJSON> ParsePayload for StrictJson<T> {
    const IS_REQUIRED: bool = true;

    async fn from_request(request: &Request, body: &mut RequestBody) -> poem::Result<Self> {
        let bytes = <Vec<u8> as FromRequest>::from_request(request, body).await?;
        Ok(Self(read(&bytes)?))
    }
}

impl_apirequest_for_payload!(StrictJson<T>, T: ParseFromJSON);

/// As [`StrictJson`], and the whole body may be left out.
#[derive(Debug)]
pub(crate) struct OptionalJson<T>(pub(crate) Option<T>);

impl<'a, T: ParseFromJSON> ApiExtractor<'a> for OptionalJson<T> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];

    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        T::register(registry);
    }

    fn request_meta() -> Option<MetaRequest> {
        let (content_type, schema) = (Json::<T>::CONTENT_TYPE, T::schema_ref());
        let content = vec![MetaMediaType { content_type, schema }];
        Some(MetaRequest { description: None, content, required: false })
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        let bytes = <Vec<u8> as FromRequest>::from_request(request, body).await?;
        if bytes.is_empty() {
            return Ok(Self(None));
        }
        match request.content_type() {
            Some(kind) if Json::<T>::check_content_type(kind) => Ok(Self(Some(read(&bytes)?))),
            Some(kind) => Err(ContentTypeError::NotSupported { content_type: kind.to_owned() }.into()),
            None => Err(ContentTypeError::ExpectContentType.into()),
        }
    }
}

fn read<T: ParseFromJSON>(bytes: &[u8]) -> Result<T, ParseRequestPayloadError> {
    let refused = |reason| ParseRequestPayloadError { reason };
    let Checked = serde_json::from_slice(bytes).map_err(|error| refused(error.to_string()))?;
    let value: Value = serde_json::from_slice(bytes).map_err(|error| refused(error.to_string()))?;
    T::parse_from_json(Some(value)).map_err(|error| refused(error.into_message()))
}

/// Any JSON value that holds no null and no name twice.
struct Checked;

impl<'de> Deserialize<'de> for Checked {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Self)
    }
}

impl<'de> Visitor<'de> for Checked {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything but null")
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self, A::Error> {
        while let Some(Self) = items.next_element()? {}
        Ok(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self, A::Error> {
        let mut names = BTreeSet::new();
        while let Some(name) = members.next_key::<String>()? {
            if !names.insert(name) {
                return Err(A::Error::custom("a name stands twice in one object"));
            }
            let Self = members.next_value()?;
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_two_readers_could_read_differently_is_refused() {
        for (text, taken) in [
            (r#"{"amount":1000,"notes":{"a":"b"},"list":[1.5,-1,true,"x"]}"#, true),
            (r#"{"a":{"same":1},"b":{"same":1}}"#, true),
            (r#"{"amount":null}"#, false),
            (r#"{"list":[{"amount":null}]}"#, false),
            (r#"{"amount":1000,"amount":1}"#, false),
            (r#"{"amount":1000,"amoun\u0074":1}"#, false),
            (r#"{"notes":{"a":"1","a":"2"}}"#, false),
            ("null", false),
            ("", false),
        ] {
            assert_eq!(serde_json::from_str::<Checked>(text).is_ok(), taken, "{text}");
        }
    }
}
