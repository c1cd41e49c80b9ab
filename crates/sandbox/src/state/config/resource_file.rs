//! Resource files of an environment: `environments.resourcefiles`.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::call::{Answer, Call, missing};
use super::{ConfigState, Route, limits};
use crate::fault::Fault;
use crate::parameter::{Parameter, Parameters};
use apigee_flux_model::limits::{counts, texts};

pub(super) const ROUTES: &[Route] = &[
    Route::get("environments/{env}/resourcefiles", list).query(OF_TYPE),
    Route::post("environments/{env}/resourcefiles", create).query(CREATION).file(),
    Route::get("environments/{env}/resourcefiles/{type}", list),
    Route::get("environments/{env}/resourcefiles/{type}/{file}", get),
    Route::put("environments/{env}/resourcefiles/{type}/{file}", update).file(),
    Route::delete("environments/{env}/resourcefiles/{type}/{file}", delete),
];

/// The parameters of a list.
const OF_TYPE: Parameters = &[("type", Parameter::Text)];

/// The parameters with the name and the type of a new resource file.
const CREATION: Parameters = &[("name", Parameter::Text), ("type", Parameter::Text)];

/// The types of <https://cloud.google.com/apigee/docs/api-platform/develop/resource-files>.
const TYPES: [&str; 9] = ["graphql", "java", "jsc", "oas", "properties", "py", "wsdl", "xsd", "xsl"];

fn list(config: &mut ConfigState, call: &Call) -> Result<Answer, Fault> {
    let wanted = call.query("type").or_else(|| call.parameters.get("type").map(String::as_str));
    let files =
        config.environment(call).resource_files.iter().filter(|(kind, _)| wanted.is_none_or(|wanted| wanted == *kind));
    let list: Vec<Value> = files.flat_map(|(kind, files)| files.keys().map(move |name| file(kind, name))).collect();
    Ok(Answer::value(json!({ "resourceFile": list })))
}

fn create(config: &mut ConfigState, call: &Call) -> Result<Answer, Fault> {
    let (kind, name) = (call.query("type").unwrap_or_default(), call.query("name").unwrap_or_default());
    if !TYPES.contains(&kind) {
        return Err(Fault::invalid_argument(format!(
            "invalid resource file type \"{kind}\": use one of {}",
            TYPES.join(", ")
        )));
    }
    limits::check(&texts::RESOURCE_FILE, "name", name)?;
    let content = content(call)?;
    let all = config.environment(call).resource_files.values().map(BTreeMap::len).sum::<usize>();
    let files = config.environment(call).resource_files.entry(kind.to_owned()).or_default();
    if files.contains_key(name) {
        return Err(Fault::resource_exists(&format!("{}/{kind}/{name}", call.path)));
    }
    limits::check_count(&counts::RESOURCE_FILES, "resourcefiles", all + 1)?;
    files.insert(name.to_owned(), content);
    Ok(Answer::value(file(kind, name)))
}

fn get(config: &mut ConfigState, call: &Call) -> Result<Answer, Fault> {
    let (stored, _, _) = stored(config, call);
    let content = stored.get(call.parameter("file")).ok_or_else(|| not_found(call))?;
    Ok(Answer::Bytes(STANDARD.decode(content).unwrap_or_default()))
}

fn update(config: &mut ConfigState, call: &Call) -> Result<Answer, Fault> {
    let content = content(call)?;
    let (stored, kind, name) = stored(config, call);
    *stored.get_mut(name).ok_or_else(|| not_found(call))? = content;
    Ok(Answer::value(file(kind, name)))
}

fn delete(config: &mut ConfigState, call: &Call) -> Result<Answer, Fault> {
    let (stored, kind, name) = stored(config, call);
    stored.remove(name).ok_or_else(|| not_found(call))?;
    Ok(Answer::value(file(kind, name)))
}

fn stored<'a, 'c>(config: &'a mut ConfigState, call: &'c Call) -> (&'a mut BTreeMap<String, String>, &'c str, &'c str) {
    let (kind, name) = (call.parameter("type"), call.parameter("file"));
    (config.environment(call).resource_files.entry(kind.to_owned()).or_default(), kind, name)
}

fn not_found(call: &Call) -> Fault {
    missing(call, "resourcefiles", &format!("{}/{}", call.parameter("type"), call.parameter("file")))
}

fn file(kind: &str, name: &str) -> Value {
    json!({"name": name, "type": kind})
}

/// The content in base64: the form's field `file`, or the whole body.
fn content(call: &Call) -> Result<String, Fault> {
    let file = match call.body.content_type.as_str() {
        "application/octet-stream" => &call.body.bytes,
        "multipart/form-data" => {
            let file = call.body.form.get("file");
            file.ok_or_else(|| Fault::invalid_argument("the form has no field \"file\": put the resource file there"))?
        }
        other => {
            return Err(Fault::invalid_argument(format!(
                "unsupported content type \"{other}\": send multipart/form-data or application/octet-stream"
            )));
        }
    };
    limits::check_count(&counts::RESOURCE_FILE_BYTES, "file", file.len())?;
    Ok(STANDARD.encode(file))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at() -> Call {
        Call::to("organizations/o/environments/e/resourcefiles/jsc/x.js", &[("type", "jsc"), ("file", "x.js")])
    }

    fn new() -> Call {
        Call::to("organizations/o/environments/e/resourcefiles", &[]).with("type", "jsc").with("name", "x.js")
    }

    #[test]
    fn bytes_come_back_as_they_went() {
        let mut config = ConfigState::default();
        create(&mut config, &new().part("file", &[0, 159, 146, 150])).unwrap();
        assert_eq!(get(&mut config, &at()).unwrap(), Answer::Bytes(vec![0, 159, 146, 150]));
        assert_eq!(create(&mut config, &new().part("file", b"")).unwrap_err().code, 409);
        update(&mut config, &at().part("file", b"2")).unwrap();
        assert_eq!(get(&mut config, &at()).unwrap(), Answer::Bytes(b"2".to_vec()));
        let all = json!({"resourceFile": [{"name": "x.js", "type": "jsc"}]});
        assert_eq!(list(&mut config, &Call::to("x", &[])).unwrap(), Answer::Json(all));
        assert_eq!(list(&mut config, &Call::to("x", &[("type", "xsl")])).unwrap(), Answer::Json(json!({})));
        delete(&mut config, &at()).unwrap();
        assert_eq!(get(&mut config, &at()).unwrap_err().code, 404);
    }

    #[test]
    fn a_type_and_a_form_field_are_needed() {
        let mut config = ConfigState::default();
        assert_eq!(create(&mut config, &new().with("type", "exe").part("file", b"")).unwrap_err().code, 400);
        assert_eq!(create(&mut config, &new().part("other", b"")).unwrap_err().code, 400);
        assert_eq!(create(&mut config, &new()).unwrap_err().code, 400);
    }
}
