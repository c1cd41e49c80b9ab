//! Serves the routes of [`KINDS`] with axum.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{FromRequest as _, Multipart, Path as PathOf, Query, Request};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::call::Body;
use super::{Answer, Call, Handler, KINDS, Verb};
use crate::fault::Fault;
use crate::server::routes::Routes;

/// The routes of all kinds. `apply` runs a handler on the configuration of an organization; the flag is true for a call that only reads.
pub(crate) fn routes(
    apply: impl Fn(&str, Handler, Call, bool) -> Result<Answer, Fault> + Send + Sync + 'static,
) -> Routes<()> {
    let apply = Arc::new(apply);
    let routes = KINDS.iter().flat_map(|routes| routes.iter());
    routes.fold(Routes::new(), |routes, route| {
        let apply = Arc::clone(&apply);
        let (handler, reads, payload) = (route.handler, route.verb == Verb::Get, route.payload);
        let answer = move |PathOf(parameters): PathOf<HashMap<String, String>>,
                           Query(queries): Query<HashMap<String, String>>,
                           request: Request| async move {
            let path = request.uri().path().trim_start_matches("/v1/").to_owned();
            let organization = parameters.get("org").cloned().unwrap_or_default();
            let parameters = parameters.into_iter().collect();
            let (queries, body) = (queries.into_iter().collect(), body(request).await?);
            let call = Call { path, parameters, queries, body, payload, ..Call::default() };
            apply(&organization, handler, call, reads)
        };
        routes.add(route.method(), answer)
    })
}

/// Reads the body of a request.
async fn body(request: Request) -> Result<Body, Fault> {
    let content_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let content_type = content_type.and_then(|text| text.split(';').next()).unwrap_or_default();
    let content_type = content_type.trim().to_ascii_lowercase();
    let wrong = |text: String| Fault::invalid_argument(text);
    if content_type != "multipart/form-data" {
        let bytes = Bytes::from_request(request, &()).await.map_err(|error| wrong(error.body_text()))?;
        return Ok(Body { content_type, bytes: bytes.to_vec(), form: BTreeMap::new() });
    }
    let mut form = BTreeMap::new();
    let mut parts = Multipart::from_request(request, &()).await.map_err(|error| wrong(error.body_text()))?;
    while let Some(part) = parts.next_field().await.map_err(|error| wrong(error.body_text()))? {
        let name = part.name().unwrap_or_default().to_owned();
        form.insert(name, part.bytes().await.map_err(|error| wrong(error.body_text()))?.to_vec());
    }
    Ok(Body { content_type, bytes: Vec::new(), form })
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        match self {
            Self::Json(value) => Json(value).into_response(),
            Self::Bytes(bytes) => ([(header::CONTENT_TYPE, "application/octet-stream")], bytes).into_response(),
            Self::Nothing => StatusCode::NO_CONTENT.into_response(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axum_takes_every_route() {
        let _ = routes(|_, _, _, _| Ok(Answer::Nothing));
    }
}
