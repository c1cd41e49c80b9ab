//! The bytes that a client sends, and whether Google's front end and the discovery document of the API allow them.
//!
//! A plain TCP proxy records the bytes. They are parsed here and not by a library, which would hide errors.

#![allow(dead_code)]

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::{Arc, LazyLock, Mutex};

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy};
use tokio::net::{TcpListener, TcpStream};

/// The extract of the discovery document that `testdata/stages/lib/extract.py` writes.
static DOCUMENT: LazyLock<Value> = LazyLock::new(|| serde_json::from_str(include_str!("../apigee-v1.json")).unwrap());

/// Lists that are a plain array of names: Apigee has them, but no protocol buffer describes them.
const BARE_LISTS: [&str; 10] = [
    "/v1/organizations/*/environments",
    "/v1/organizations/*/keyvaluemaps",
    "/v1/organizations/*/apis/*/keyvaluemaps",
    "/v1/organizations/*/environments/*/targetservers",
    "/v1/organizations/*/environments/*/keyvaluemaps",
    "/v1/organizations/*/environments/*/references",
    "/v1/organizations/*/environments/*/keystores",
    "/v1/organizations/*/environments/*/flowhooks",
    "/v1/organizations/*/environments/*/keystores/*/aliases",
    "/v1/organizations/*/apis/*/revisions",
];

/// The bytes that a client sent on one connection.
type Stream = Arc<Mutex<Vec<u8>>>;

/// Listens on a free port of this machine and forwards everything.
pub(crate) struct Wiretap {
    address: SocketAddr,
    streams: Arc<Mutex<Vec<Stream>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Wiretap {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Wiretap {
    /// Starts a wiretap in front of the server at `upstream`.
    pub(crate) async fn start(upstream: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let streams: Arc<Mutex<Vec<Stream>>> = Arc::default();
        let kept = Arc::clone(&streams);
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let stream = Arc::default();
                kept.lock().unwrap().push(Arc::clone(&stream));
                tokio::spawn(pass(client, upstream, stream));
            }
        });
        Self { address, streams, task }
    }

    /// The endpoint for clients.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Every request so far.
    pub(crate) fn requests(&self) -> Vec<Sent> {
        let streams = self.streams.lock().unwrap();
        streams.iter().flat_map(|stream| Sent::parse_all(&stream.lock().unwrap())).collect()
    }

    /// The problems of these requests, one line each.
    pub(crate) fn problems(&self) -> Vec<String> {
        let host = self.address.to_string();
        let judge = |request: Sent| {
            let shown = format!("{} {}", request.method, request.target);
            request.problems(&host).into_iter().map(move |problem| format!("{shown}: {problem}")).collect::<Vec<_>>()
        };
        self.requests().into_iter().flat_map(judge).collect()
    }
}

async fn pass(mut client: TcpStream, upstream: SocketAddr, stream: Stream) {
    let Ok(mut server) = TcpStream::connect(upstream).await else { return };
    let (mut from_client, mut to_client) = client.split();
    let (mut from_server, mut to_server) = server.split();
    let requests = async {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(length @ 1..) = from_client.read(&mut buffer).await {
            stream.lock().unwrap().extend_from_slice(&buffer[..length]);
            if to_server.write_all(&buffer[..length]).await.is_err() {
                break;
            }
        }
    };
    let answers = copy(&mut from_server, &mut to_client);
    // Either side may close the connection.
    tokio::select! { () = requests => {}, _ = answers => {} }
}

/// A request, parsed from its bytes.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) version: String,
    /// The headers in their order, with the names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Sent {
    fn parse_all(mut bytes: &[u8]) -> Vec<Self> {
        let mut found = Vec::new();
        while let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8(bytes[..end].to_vec()).expect("a head is ASCII");
            let mut lines = head.split("\r\n");
            let words: Vec<&str> = lines.next().unwrap().split(' ').collect();
            let [method, target, version] = words.as_slice() else { panic!("no request line: {words:?}") };
            let headers: Vec<(String, String)> = lines
                .map(|line| line.split_once(": ").expect("a header has a colon"))
                .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
                .collect();
            let length = headers.iter().find(|(name, _)| name == "content-length");
            let length = length.map_or(0, |(_, value)| value.parse::<usize>().unwrap());
            let rest = &bytes[end + 4..];
            if rest.len() < length {
                // The request is not complete yet.
                break;
            }
            found.push(Self {
                method: (*method).to_owned(),
                target: (*target).to_owned(),
                version: (*version).to_owned(),
                headers,
                body: rest[..length].to_vec(),
            });
            bytes = &rest[length..];
        }
        found
    }

    /// The values of a header.
    pub(crate) fn header(&self, name: &str) -> Vec<&str> {
        self.headers.iter().filter(|(other, _)| other == name).map(|(_, value)| value.as_str()).collect()
    }

    /// The method of the API that the request calls: its entry in the document, or `None` for a plain list.
    fn find(&self) -> Result<Option<&'static Value>, String> {
        let path = self.target.split('?').next().unwrap();
        let methods = DOCUMENT["methods"].as_array().unwrap();
        let found =
            methods.iter().find(|one| one["verb"] == *self.method && matches(one["path"].as_str().unwrap(), path));
        if found.is_none() && self.method == "GET" && BARE_LISTS.iter().any(|list| matches(list, path)) {
            return Ok(None);
        }
        found.map(Some).ok_or_else(|| "the API has no such method".to_owned())
    }

    /// The reasons for which Google would reject the request, or for which it must not be sent.
    fn problems(&self, host: &str) -> Vec<String> {
        let mut problems = self.http_problems(host);
        let method = match self.find() {
            Ok(method) => method,
            Err(problem) => {
                problems.push(problem);
                return problems;
            }
        };
        problems.extend(self.query_problems(method));
        problems.extend(self.body_problems(method.map_or(&Value::Null, |method| &method["body"])));
        problems
    }

    fn http_problems(&self, host: &str) -> Vec<String> {
        let mut problems = Vec::new();
        let mut require = |holds: bool, problem: String| {
            if !holds {
                problems.push(problem);
            }
        };
        require(self.version == "HTTP/1.1", format!("the version is {}", self.version));
        require(self.header("host") == [host], format!("Host is {:?}, not {host}", self.header("host")));
        for (name, _) in &self.headers {
            require(self.header(name).len() == 1, format!("{name} is sent more than once"));
        }
        require(self.header("transfer-encoding").is_empty(), "the body is chunked".to_owned());
        let length = self.header("content-length");
        match self.method.as_str() {
            "POST" | "PUT" | "PATCH" => {
                require(length.len() == 1, "no Content-Length: the answer would be 411".to_owned());
            }
            _ => require(length.is_empty() && self.body.is_empty(), "it has a body".to_owned()),
        }
        require(
            self.body.is_empty() == self.header("content-type").is_empty(),
            format!("Content-Type is {:?} and the body has {} bytes", self.header("content-type"), self.body.len()),
        );
        require(self.header("x-goog-api-format-version") == ["2"], "no X-GOOG-API-FORMAT-VERSION".to_owned());
        require(
            self.header("user-agent").first().is_some_and(|it| it.starts_with("apigee-flux/")),
            "no User-Agent".to_owned(),
        );
        let (path, query) = self.target.split_once('?').unwrap_or((&self.target, ""));
        for segment in path.split('/').skip(1) {
            let is_literal = |c: char| c.is_ascii_alphanumeric() || "-._~!$&'()*+,;=:@%".contains(c);
            require(
                !segment.is_empty() && segment.chars().all(is_literal) && decode(segment).is_some(),
                format!("the segment `{segment}` is not encoded"),
            );
            require(!matches!(decode(segment).as_deref(), Some("." | "..")), "it has a dot segment".to_owned());
        }
        require(
            query.is_ascii() && !query.contains([' ', '"', '<', '>', '#']),
            format!("the query `{query}` is not encoded"),
        );
        problems
    }

    fn query_problems(&self, method: Option<&Value>) -> Vec<String> {
        let query = self.target.split_once('?').map_or("", |(_, query)| query);
        let given: Vec<(String, String)> = query
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .map(|(name, value)| (decode(name).unwrap(), decode(&value.replace('+', " ")).unwrap()))
            .collect();
        let none = Value::Null;
        let declared = method.map_or(&none, |method| &method["query"]);
        let mut problems = Vec::new();
        for (name, value) in &given {
            let Some(known) = declared.get(name) else {
                problems.push(format!("the method has no parameter `{name}`"));
                continue;
            };
            let fits = match known["type"].as_str().unwrap() {
                "boolean" => matches!(value.as_str(), "true" | "false"),
                "int32" => value.parse::<i32>().is_ok(),
                "int64" => value.parse::<i64>().is_ok(),
                _ => !value.is_empty(),
            };
            let allowed = known["enum"].as_array().is_none_or(|list| list.iter().any(|one| one == value));
            if !fits || !allowed {
                problems.push(format!("`{value}` is not a value of the parameter `{name}`"));
            }
            if known["deprecated"] == true {
                problems.push(format!("the parameter `{name}` is deprecated"));
            }
            if given.iter().filter(|(other, _)| other == name).count() > 1 {
                problems.push(format!("the parameter `{name}` is sent more than once"));
            }
        }
        for (name, known) in declared.as_object().into_iter().flatten() {
            if known["required"] == true && !given.iter().any(|(other, _)| other == name) {
                problems.push(format!("the parameter `{name}` is required"));
            }
        }
        problems
    }

    fn body_problems(&self, message: &Value) -> Vec<String> {
        let content_type = self.header("content-type").first().copied().unwrap_or_default();
        let content_type = content_type.split(';').next().unwrap();
        match message.as_str() {
            None if self.body.is_empty() => Vec::new(),
            None => vec![format!("a body of {} bytes, but the method has no body", self.body.len())],
            Some("GoogleApiHttpBody") => {
                if matches!(content_type, "multipart/form-data" | "application/octet-stream") {
                    Vec::new()
                } else {
                    vec![format!("a file of the type `{content_type}`")]
                }
            }
            Some(_) if self.body.is_empty() => Vec::new(),
            Some(message) if content_type == "application/json" => {
                let value: Value = serde_json::from_slice(&self.body).expect("a body is JSON");
                message_problems("", &value, message)
            }
            Some(_) => vec![format!("a message of the type `{content_type}`")],
        }
    }
}

/// The fields of a value that the message does not have, or that have another type.
fn message_problems(at: &str, value: &Value, message: &str) -> Vec<String> {
    let fields = DOCUMENT["messages"][message].as_object().unwrap_or_else(|| panic!("no message {message}"));
    let Some(given) = value.as_object() else { return vec![format!("`{at}` is not a {message}")] };
    let mut problems = Vec::new();
    for (name, value) in given {
        let place = format!("{at}/{name}");
        match fields.get(name) {
            None => problems.push(format!("{message} has no field `{place}`")),
            Some(field) if field["readOnly"] == true => problems.push(format!("`{place}` is set by the server")),
            Some(field) => problems.extend(field_problems(&place, value, &field["type"], &field["enum"])),
        }
    }
    problems
}

fn field_problems(at: &str, value: &Value, kind: &Value, allowed: &Value) -> Vec<String> {
    if let Some([item]) = kind.as_array().map(Vec::as_slice) {
        let Some(list) = value.as_array() else { return vec![format!("`{at}` is not a list")] };
        return list.iter().flat_map(|one| field_problems(at, one, item, &Value::Null)).collect();
    }
    if let Some(kind) = kind.get("*") {
        let Some(map) = value.as_object() else { return vec![format!("`{at}` is not a map")] };
        return map.values().flat_map(|one| field_problems(at, one, kind, &Value::Null)).collect();
    }
    let fits = match kind.as_str().unwrap() {
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "int32" => value.as_i64().is_some_and(|number| i32::try_from(number).is_ok()),
        // Google accepts a number too, and writes a string.
        "int64" => value.is_i64() || value.as_str().is_some_and(|text| text.parse::<i64>().is_ok()),
        "number" => value.is_number(),
        "any" => true,
        message => return message_problems(at, value, message),
    };
    let allowed = allowed.as_array().is_none_or(|list| list.contains(value));
    if fits && allowed {
        Vec::new()
    } else {
        vec![format!("{value} is not a value of `{at}`, which is of the type {kind}")]
    }
}

/// Whether a path matches the pattern: a parameter matches any segment without a custom verb.
fn matches(pattern: &str, path: &str) -> bool {
    let (pattern, path): (Vec<&str>, Vec<&str>) = (pattern.split('/').collect(), path.split('/').collect());
    pattern.len() == path.len()
        && pattern.iter().zip(&path).all(|(expected, found)| {
            let (expected, verb) = match expected.split_once("}:") {
                Some((parameter, verb)) => (format!("{parameter}}}"), Some(verb)),
                None => ((*expected).to_owned(), None),
            };
            if expected == "*" || expected.starts_with('{') {
                let (name, found_verb) =
                    found.split_once(':').map_or((*found, None), |(name, verb)| (name, Some(verb)));
                !name.is_empty() && found_verb == verb
            } else {
                expected == *found
            }
        })
}

/// The percent-decoded text, or `None` if the encoding is invalid.
fn decode(text: &str) -> Option<String> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::new();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let digits = [bytes.next()?, bytes.next()?];
            decoded.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
        } else {
            decoded.push(byte);
        }
    }
    String::from_utf8(decoded).ok()
}

/// The requests by method and path, without the parts that differ between runs: each once, in order.
pub(crate) fn summary(requests: &[Sent]) -> String {
    let mut lines = BTreeSet::new();
    for request in requests {
        let id = match request.find() {
            Ok(Some(method)) => method["id"].as_str().unwrap().trim_start_matches("apigee.organizations.").to_owned(),
            Ok(None) => format!("(list) {}", request.target),
            Err(problem) => format!("({problem}) {}", request.target),
        };
        let query = request.target.split_once('?').map_or("", |(_, query)| query);
        let names: Vec<&str> =
            query.split('&').filter_map(|pair| pair.split('=').next()).filter(|name| !name.is_empty()).collect();
        let names = if names.is_empty() { String::new() } else { format!(" ?{}", names.join("&")) };
        let kind = request
            .header("content-type")
            .first()
            .map_or(String::new(), |kind| format!(" {}", kind.split(';').next().unwrap()));
        let length =
            request.header("content-length").first().map_or("", |length| if *length == "0" { " length 0" } else { "" });
        lines.insert(format!("{} {id}{names}{kind}{length}\n", request.method));
    }
    lines.into_iter().collect()
}
