use super::*;

fn document(text: &str) -> OpenApiDocument {
    read(text.as_bytes()).unwrap_or_else(|faults| panic!("{faults:?}"))
}

fn faults(text: &str) -> Vec<String> {
    read(text.as_bytes()).unwrap_err().into_iter().map(|fault| fault.message).collect()
}

#[test]
fn json_and_yaml_say_the_same() {
    let yaml = "
openapi: 3.0.3
info: {title: Orders, version: 1.0, description: All orders.}
servers: [{url: 'https://{region}.example.com/{version}/', variables: {region: {default: eu}, version: {default: v2}}}]
security: [{key: []}]
x-paths: {a: 1}
paths:
  x-note: none
  /orders/{id}:
    parameters: [{name: id, in: path, required: true, schema: {type: string}}]
    x-thing: {get: 1}
    get: {operationId: getOrder, summary: One, tags: [orders], responses: {}}
    delete: {security: [{token: [write]}, {}], responses: {}}
components:
  securitySchemes:
    key: {type: apiKey, in: header, name: X-Key}
    token: {type: oauth2, flows: {}}
";
    let read_yaml = document(yaml);
    let node = apigee_flux_model::yaml::YamlNode::parse(yaml, 0..yaml.len()).unwrap();
    assert_eq!(document(&node.to_json().to_string()), read_yaml);
    assert_eq!((read_yaml.title.as_str(), read_yaml.description.as_deref()), ("Orders", Some("All orders.")));
    assert_eq!(read_yaml.servers[0].url, "https://eu.example.com/v2/");
    assert_eq!(read_yaml.servers[0].path(), Some("/v2"));
    let [get, delete] = read_yaml.operations.as_slice() else { panic!("{:?}", read_yaml.operations) };
    assert_eq!((get.name.as_str(), get.method.as_str(), get.path.as_str()), ("getOrder", "GET", "/orders/{id}"));
    assert_eq!((get.summary.as_deref(), get.tags.as_slice()), (Some("One"), &["orders".to_owned()][..]));
    assert_eq!(get.security, Some(vec![Requirement::from([("key".into(), Vec::new())])]));
    assert_eq!(delete.name, "delete-orders-id");
    assert_eq!(delete.security.as_ref().map(Vec::len), Some(2));
    let key = SecurityScheme::ApiKey { location: "header".into(), name: "X-Key".into() };
    assert_eq!(read_yaml.security_schemes["key"], key);
}

#[test]
fn paths_of_servers() {
    for (url, path) in [
        ("https://api.example.com/v1", Some("/v1")),
        ("https://api.example.com", None),
        ("https://api.example.com/", Some("")),
        ("//api.example.com/a/b/?x=/y", Some("/a/b")),
        ("/v3", Some("/v3")),
        ("v3", None),
    ] {
        assert_eq!(DocumentServer { url: url.into() }.path(), path.filter(|path| !path.is_empty()), "{url}");
    }
}

#[test]
fn backends_of_servers() {
    for (url, expected) in [
        ("https://api.example.com/v1/", Some("https://api.example.com/v1")),
        ("HTTPS://X.example.com:8443", Some("https://X.example.com:8443")),
        ("http://[::1]:80/a", Some("http://[::1]:80/a")),
        ("http://localhost:8080/api", Some("http://localhost:8080/api")),
        ("https://@APIGEE_HOST@/v1", None),
        ("https://$HOST/v1", None),
        ("https://<host>/v1", None),
        ("https://{host}/v1", None),
        ("https://user:word@api.example.com/v1", None),
        ("https://", None),
        ("https://:443/", None),
        ("https://a..b/", None),
        ("https://h.example.com:99999/v1", None),
        ("https://h.example.com:+80/v1", None),
        ("https://h.example.com/v 1", None),
        ("https://h.example.com/{version}", None),
        ("https://h.example.com/v1?x=1", None),
        ("https://h.example.com?x=/1", None),
        ("wss://h.example.com/v1", None),
        ("//h.example.com/v1", None),
        ("/v1", None),
        ("", None),
    ] {
        assert_eq!(DocumentServer { url: url.into() }.backend().as_deref(), expected, "{url}");
    }
}

#[test]
fn path_items_are_followed_within_the_document() {
    let read = document(
        r##"{"openapi": "3.1.0", "paths": {
            "/a": {"$ref": "#/components/pathItems/a%7E0b"},
            "/b": {"put": {"operationId": "own"}, "get": {"operationId": "mine"}, "$ref": "#/paths/~1c"},
            "/c": {"get": {"operationId": "theirs"}}},
            "components": {"pathItems": {"a~b": {"get": {"operationId": "shared"}}}}}"##,
    );
    let names: Vec<&str> = read.operations.iter().map(|operation| operation.name.as_str()).collect();
    assert_eq!((read.version, names), (Version::Later, vec!["shared", "own", "mine", "theirs"]));
    assert_eq!(
        faults(
            r##"{"openapi": "3.0.0", "paths": {"/a": {"$ref": "#/x"}, "/b": {"$ref": "b.yaml#/b"}, "/c": {"$ref": "#/paths/~1c"}}}"##
        ),
        [
            "the path `/a` refers to `#/x`, which is not in the document",
            "the path `/b` refers to `b.yaml#/b`, which is in another document",
            "the references of the path `/c` form a cycle or are nested too deeply",
        ]
    );
}

#[test]
fn references_to_other_documents_are_found_where_they_are_meant() {
    let read = document(
        "
openapi: 3.0.3
paths:
  /a:
    get:
      parameters: [{$ref: 'p.yaml#/q'}, {$ref: '#/components/parameters/x'}]
      responses: {200: {$ref: r.yaml}}
components:
  schemas:
    A: {properties: {$ref: {type: string}, example: {$ref: https://example.com/s.json}}, example: {$ref: no.yaml}}
    B: {items: {$ref: r.yaml}, default: {$ref: no.yaml}, x-b: {$ref: no.yaml}}
",
    );
    assert_eq!(read.external_references, ["p.yaml#/q", "r.yaml", "https://example.com/s.json"]);
}

#[test]
fn faults_name_the_thing() {
    for (text, fault) in [
        ("a: 1", "the document has neither `openapi` nor `swagger` at its top level"),
        ("openapi: 4.0.0", "unsupported version `4.0.0`"),
        ("swagger: 1.2", "unsupported version `1.2`"),
        (
            "{\"openapi\": \"3.0.0\", \"paths\": 1}",
            "the document cannot be parsed: invalid type: integer `1`, expected a mapping at line 1 column 31",
        ),
        (
            "openapi: 3.0.0\npaths: {/a: {GET: {responses: {}}}}",
            "the path `/a` has `GET`, which is not a method name in OpenAPI",
        ),
        ("openapi: 3.0.0\npaths: {/a: {get: }}", "the operation `GET /a` is not a mapping"),
        ("swagger: '2.0'\npaths: {/a: {Post: {}}}", "the path `/a` has `Post`, which is not a method name in OpenAPI"),
        ("openapi: [", "the document cannot be parsed: line 1, column 10: "),
        ("{\"openapi\": \"3.0.0\",,}", "the document cannot be parsed: key must be a string at line 1 column 21"),
        (
            "{\"openapi\": \"3.0.0\", \"paths\": {\"/a\": {}, \"/a\": {}}}",
            "the document cannot be parsed: the key `/a` is defined more than once in a mapping",
        ),
        (
            "openapi: 3.0.0\npaths: {/a: {get: {operationId: x}}, /b: {post: {operationId: x}}}",
            "the operationId `x` is defined more than once: `GET /a` and `POST /b`",
        ),
    ] {
        let found = faults(text);
        assert!(found.len() == 1 && found[0].starts_with(fault), "{text}\n{found:?}");
    }
}

#[test]
fn a_document_of_ten_megabytes_is_no_burden() {
    use std::fmt::Write as _;
    let mut text = String::from("{\"openapi\": \"3.0.3\", \"paths\": {");
    let schema = r##"{"type": "object", "properties": {"a": {"$ref": "#/components/schemas/a"}, "b": {"type": "string", "enum": ["x", "y"]}}},"##;
    let large = format!("[{}1]", schema.repeat(80));
    for index in 0..1000 {
        let comma = if index == 0 { "" } else { "," };
        write!(text, "{comma}\"/a/{{id}}/{index}\": {{\"get\": {{\"operationId\": \"get{index}\", \"x\": {large}}}}}")
            .unwrap();
    }
    text.push_str("}}");
    assert!(text.len() > 9_000_000, "{}", text.len());
    let start = std::time::Instant::now();
    assert_eq!(document(&text).operations.len(), 1000);
    // A release build needs a tenth of this; the test fails if the whole document is parsed into a tree.
    assert!(start.elapsed().as_secs() < 5, "{:?}", start.elapsed());
}

#[test]
fn swagger_2_becomes_3_0() {
    let written = include_str!("../../../../testdata/openapi/swagger2.yaml");
    let expected = include_str!("../../../../testdata/openapi/swagger2.converted.yaml");
    let converted = document(written).converted.unwrap();
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(
            concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/openapi/swagger2.converted.yaml"),
            &converted,
        )
        .unwrap();
    }
    assert_eq!(converted, expected);
    // The converted document has the same operations.
    let again = document(&converted);
    assert_eq!((again.version, again.operations), (Version::V30, document(written).operations));
}
