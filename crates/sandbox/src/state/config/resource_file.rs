//! Resource files of an environment: `environments.resourcefiles`.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::ConfigState;
use super::collection::missing;
use crate::api::Handler::Configuration;
use crate::api::{ApiError, ApiRequest, ApiResponse, Method, Parameter, Parameters, RequestBody, limits};
use apigee_flux_model::limits::{counts, texts};

pub(crate) const METHODS: &[Method] = &[
    Method::get("environments/{env}/resourcefiles", Configuration(list)).query(OF_TYPE),
    Method::post("environments/{env}/resourcefiles", Configuration(create)).query(CREATION).file(),
    Method::get("environments/{env}/resourcefiles/{type}", Configuration(list)),
    Method::get("environments/{env}/resourcefiles/{type}/{file}", Configuration(get)),
    Method::put("environments/{env}/resourcefiles/{type}/{file}", Configuration(update)).file(),
    Method::delete("environments/{env}/resourcefiles/{type}/{file}", Configuration(delete)),
];

/// The parameters of a list.
const OF_TYPE: Parameters = &[("type", Parameter::Text)];

/// The parameters with the name and the type of a new resource file.
const CREATION: Parameters = &[("name", Parameter::Text), ("type", Parameter::Text)];

/// The types of <https://cloud.google.com/apigee/docs/api-platform/develop/resource-files>.
const TYPES: [&str; 9] = ["graphql", "java", "jsc", "oas", "properties", "py", "wsdl", "xsd", "xsl"];

fn list(config: &mut ConfigState, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let wanted = request.query("type").or_else(|| request.parameters.get("type").map(String::as_str));
    let files = config
        .environment(request)
        .resource_files
        .iter()
        .filter(|(kind, _)| wanted.is_none_or(|wanted| wanted == *kind));
    let list: Vec<Value> = files.flat_map(|(kind, files)| files.keys().map(move |name| file(kind, name))).collect();
    Ok(ApiResponse::value(json!({ "resourceFile": list })))
}

fn create(config: &mut ConfigState, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let (kind, name) = (request.query("type").unwrap_or_default(), request.query("name").unwrap_or_default());
    if !TYPES.contains(&kind) {
        return Err(ApiError::invalid_argument(format!(
            "invalid resource file type \"{kind}\": use one of {}",
            TYPES.join(", ")
        )));
    }
    limits::check(&texts::RESOURCE_FILE, "name", name)?;
    let content = content(request)?;
    let all = config.environment(request).resource_files.values().map(BTreeMap::len).sum::<usize>();
    let files = config.environment(request).resource_files.entry(kind.to_owned()).or_default();
    if files.contains_key(name) {
        return Err(ApiError::resource_exists(&format!("{}/{kind}/{name}", request.path)));
    }
    limits::check_count(&counts::RESOURCE_FILES, "resourcefiles", all + 1)?;
    files.insert(name.to_owned(), content);
    Ok(ApiResponse::value(file(kind, name)))
}

fn get(config: &mut ConfigState, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let (stored, _, _) = stored(config, request);
    let content = stored.get(request.parameter("file")).ok_or_else(|| not_found(request))?;
    Ok(ApiResponse::Bytes(STANDARD.decode(content).unwrap_or_default()))
}

fn update(config: &mut ConfigState, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let content = content(request)?;
    let (stored, kind, name) = stored(config, request);
    *stored.get_mut(name).ok_or_else(|| not_found(request))? = content;
    Ok(ApiResponse::value(file(kind, name)))
}

fn delete(config: &mut ConfigState, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let (stored, kind, name) = stored(config, request);
    stored.remove(name).ok_or_else(|| not_found(request))?;
    Ok(ApiResponse::value(file(kind, name)))
}

fn stored<'a, 'c>(
    config: &'a mut ConfigState,
    request: &'c ApiRequest,
) -> (&'a mut BTreeMap<String, String>, &'c str, &'c str) {
    let (kind, name) = (request.parameter("type"), request.parameter("file"));
    (config.environment(request).resource_files.entry(kind.to_owned()).or_default(), kind, name)
}

fn not_found(request: &ApiRequest) -> ApiError {
    missing(request, "resourcefiles", &format!("{}/{}", request.parameter("type"), request.parameter("file")))
}

fn file(kind: &str, name: &str) -> Value {
    json!({"name": name, "type": kind})
}

/// The content in base64: the form's field `file`, or the whole body.
fn content(request: &ApiRequest) -> Result<String, ApiError> {
    let file = match &request.body {
        RequestBody::Whole(bytes) => bytes,
        RequestBody::Form(parts) => parts
            .get("file")
            .ok_or_else(|| ApiError::invalid_argument("the form has no field \"file\": put the resource file there"))?,
    };
    limits::check_count(&counts::RESOURCE_FILE_BYTES, "file", file.len())?;
    Ok(STANDARD.encode(file))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at() -> ApiRequest {
        ApiRequest::to("organizations/o/environments/e/resourcefiles/jsc/x.js", &[("type", "jsc"), ("file", "x.js")])
    }

    fn new() -> ApiRequest {
        ApiRequest::to("organizations/o/environments/e/resourcefiles", &[]).with("type", "jsc").with("name", "x.js")
    }

    #[test]
    fn bytes_come_back_as_they_went() {
        let mut config = ConfigState::default();
        create(&mut config, &new().part("file", &[0, 159, 146, 150])).unwrap();
        assert_eq!(get(&mut config, &at()).unwrap(), ApiResponse::Bytes(vec![0, 159, 146, 150]));
        assert_eq!(create(&mut config, &new().part("file", b"")).unwrap_err().code, 409);
        update(&mut config, &at().part("file", b"2")).unwrap();
        assert_eq!(get(&mut config, &at()).unwrap(), ApiResponse::Bytes(b"2".to_vec()));
        let all = json!({"resourceFile": [{"name": "x.js", "type": "jsc"}]});
        assert_eq!(list(&mut config, &ApiRequest::to("x", &[])).unwrap(), ApiResponse::Json(all));
        assert_eq!(list(&mut config, &ApiRequest::to("x", &[("type", "xsl")])).unwrap(), ApiResponse::Json(json!({})));
        delete(&mut config, &at()).unwrap();
        assert_eq!(get(&mut config, &at()).unwrap_err().code, 404);
    }

    #[test]
    fn a_type_and_a_form_field_are_needed() {
        let mut config = ConfigState::default();
        assert_eq!(create(&mut config, &new().with("type", "exe").part("file", b"")).unwrap_err().code, 400);
        assert_eq!(create(&mut config, &new().part("other", b"")).unwrap_err().code, 400);
    }
}
