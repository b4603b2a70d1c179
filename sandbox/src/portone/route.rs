//! The paths of V1 that the simulator plays.

use http::Method;

/// The names of all calls, for the fault script.
pub(super) const CALLS: [&str; 9] =
    ["get_token", "get", "get_many", "find", "find_all", "list", "cancel", "prepare", "vbank_delete"];

/// Which call a request is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Route {
    GetToken,
    /// `GET /payments/{imp_uid}`
    Get {
        imp_uid: String,
    },
    /// `GET /payments?imp_uid[]=…`
    GetMany,
    Find {
        merchant_uid: String,
        status: Option<String>,
    },
    FindAll {
        merchant_uid: String,
        status: Option<String>,
    },
    /// `GET /payments/status/{status}`
    List {
        status: String,
    },
    Cancel,
    Prepare,
    ChangePrepared,
    Prepared {
        merchant_uid: String,
    },
    DeleteVbank {
        imp_uid: String,
    },
}

impl Route {
    /// The call at a path; `None` for one V1 does not have, or the simulator does not play.
    pub(super) fn of(method: &Method, segments: &[String]) -> Option<Self> {
        let segments: Vec<_> = segments.iter().map(String::as_str).collect();
        match *method {
            Method::GET => Self::of_get(&segments),
            Method::POST => match segments[..] {
                ["users", "getToken"] => Some(Self::GetToken),
                ["payments", "cancel"] => Some(Self::Cancel),
                ["payments", "prepare"] => Some(Self::Prepare),
                _ => None,
            },
            Method::PUT => (segments[..] == ["payments", "prepare"]).then_some(Self::ChangePrepared),
            Method::DELETE => match segments[..] {
                ["vbanks", imp_uid] => Some(Self::DeleteVbank { imp_uid: imp_uid.to_owned() }),
                _ => None,
            },
            _ => None,
        }
    }

    fn of_get(segments: &[&str]) -> Option<Self> {
        let owned = |text: &str| text.to_owned();
        match *segments {
            ["payments"] => Some(Self::GetMany),
            ["payments", imp_uid] => Some(Self::Get { imp_uid: owned(imp_uid) }),
            ["payments", "find", id, ref rest @ ..] if rest.len() < 2 => {
                Some(Self::Find { merchant_uid: owned(id), status: rest.first().copied().map(owned) })
            }
            ["payments", "findAll", id, ref rest @ ..] if rest.len() < 2 => {
                Some(Self::FindAll { merchant_uid: owned(id), status: rest.first().copied().map(owned) })
            }
            ["payments", "status", status] => Some(Self::List { status: owned(status) }),
            ["payments", "prepare", id] => Some(Self::Prepared { merchant_uid: owned(id) }),
            _ => None,
        }
    }

    /// The name of the call in fault scripts and in the log of calls.
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::GetToken => "get_token",
            Self::Get { .. } => "get",
            Self::GetMany => "get_many",
            Self::Find { .. } => "find",
            Self::FindAll { .. } => "find_all",
            Self::List { .. } => "list",
            Self::Cancel => "cancel",
            Self::Prepare | Self::ChangePrepared | Self::Prepared { .. } => "prepare",
            Self::DeleteVbank { .. } => "vbank_delete",
        }
    }
}
