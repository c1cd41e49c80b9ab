//! Streaming (Google's page "Streaming requests and responses"): both endpoints must have the property, and no policy may read the body.

use std::collections::{BTreeMap, BTreeSet};

use super::node::{child, children, text};
use super::{At, Finding, Findings, Verdict};
use apigee_flux_model::diag::Code;
use apigee_flux_model::runtime::{
    BundlePlace, Condition, Flow, Policy, ProxyEndpoint, RouteDestination, RuntimeBundle, Step, TargetEndpoint,
};
use apigee_flux_model::xml::Node;

/// A message that may be streamed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum StreamedMessage {
    Request,
    Response,
}

impl StreamedMessage {
    const ALL: [Self; 2] = [Self::Request, Self::Response];

    fn property(self) -> &'static str {
        match self {
            Self::Request => "request.streaming.enabled",
            Self::Response => "response.streaming.enabled",
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Response => "response",
        }
    }
}

pub(super) fn run<'d>(bundle: &RuntimeBundle<'d>, findings: &mut Findings<'d>) {
    let leads = |proxy: &ProxyEndpoint<'d>, target: &TargetEndpoint<'d>| {
        proxy.route_rules.iter().any(|rule| rule.destination == RouteDestination::Target(target.name))
    };
    for message in StreamedMessage::ALL {
        for target in &bundle.target_endpoints {
            let leading: Vec<_> = bundle.proxy_endpoints.iter().filter(|proxy| leads(proxy, target)).collect();
            let Some(property) = target_property(target, message) else {
                event_flow(target, message, findings);
                continue;
            };
            // Events of a streamed response are handled in the target endpoint.
            let events = message == StreamedMessage::Response && target.event_flow.is_some();
            let buffers = leading.iter().find(|proxy| proxy_property(proxy, message).is_none());
            if let Some(proxy) = buffers.filter(|_| !events) {
                half(message, property, target.place, &format!("ProxyEndpoint `{}`", proxy.name), findings);
            }
            readers(bundle, message, property, &leading, &[target], target.place, findings);
        }
        for proxy in &bundle.proxy_endpoints {
            let Some(property) = proxy_property(proxy, message) else { continue };
            let led: Vec<_> = bundle.target_endpoints.iter().filter(|target| leads(proxy, target)).collect();
            if let Some(target) = led.iter().find(|target| target_property(target, message).is_none()) {
                half(message, property, proxy.place, &format!("TargetEndpoint `{}`", target.name), findings);
            }
            // If both endpoints stream, the target's pass above has reported the readers.
            let buffering: Vec<_> =
                led.iter().copied().filter(|target| target_property(target, message).is_none()).collect();
            if led.is_empty() || !buffering.is_empty() {
                readers(bundle, message, property, &[proxy], &buffering, proxy.place, findings);
            }
        }
    }
    for flow in bundle.proxy_endpoints.iter().filter_map(|proxy| proxy.event_flow.as_ref()) {
        findings.add(
            Finding::new(
                Code::Streaming,
                Verdict::Broken,
                At::Place(flow.place),
                "the EventFlow of a ProxyEndpoint never runs",
            )
            .help("move it to the TargetEndpoint"),
        );
    }
}

/// The property of a connection, if it is on.
fn property<'d>(endpoint: Node<'d, 'd>, connections: &[&str], message: StreamedMessage) -> Option<Node<'d, 'd>> {
    let connections = connections.iter().filter_map(|connection| child(endpoint, connection));
    let properties = connections.filter_map(|connection| child(connection, "Properties"));
    let mut named = properties.flat_map(|properties| children(properties, "Property"));
    named.find(|node| node.attribute("name") == Some(message.property()) && text(*node).eq_ignore_ascii_case("true"))
}

fn target_property<'d>(target: &TargetEndpoint<'d>, message: StreamedMessage) -> Option<Node<'d, 'd>> {
    property(target.node, &["HTTPTargetConnection", "LocalTargetConnection"], message)
}

fn proxy_property<'d>(proxy: &ProxyEndpoint<'d>, message: StreamedMessage) -> Option<Node<'d, 'd>> {
    property(proxy.node, &["HTTPProxyConnection"], message)
}

fn half<'d>(
    message: StreamedMessage,
    node: Node<'d, 'd>,
    file: BundlePlace<'d>,
    other: &str,
    findings: &mut Findings<'d>,
) {
    let name = message.property();
    findings.add(
        Finding::new(
            Code::Streaming,
            Verdict::Broken,
            At::Place(BundlePlace::of(file.path, node)),
            format!("`{name}` is set here but not in the {other}: Apigee streams only if both have it"),
        )
        .help(format!(
            "add `<Property name=\"{name}\">true</Property>` there, or remove it here; a spec has properties only \
             for targets; `spec.bundle` accepts a whole bundle"
        )),
    );
}

fn event_flow<'d>(target: &TargetEndpoint<'d>, message: StreamedMessage, findings: &mut Findings<'d>) {
    let Some(flow) = target.event_flow.as_ref().filter(|_| message == StreamedMessage::Response) else { return };
    let name = message.property();
    findings.add(
        Finding::new(
            Code::Streaming,
            Verdict::Broken,
            At::Place(flow.place),
            format!("the EventFlow never runs: the TargetEndpoint `{}` does not stream its responses", target.name),
        )
        .help(format!("add `<Property name=\"{name}\">true</Property>` to its HTTPTargetConnection")),
    );
}

/// Reports each policy and condition that reads a streamed body, once.
fn readers<'d>(
    bundle: &RuntimeBundle<'d>,
    message: StreamedMessage,
    property: Node<'d, 'd>,
    proxies: &[&ProxyEndpoint<'d>],
    targets: &[&TargetEndpoint<'d>],
    file: BundlePlace<'d>,
    findings: &mut Findings<'d>,
) {
    let mut flows: Vec<&Flow<'d>> = Vec::new();
    for proxy in proxies {
        flows.extend(proxy.pre_flow.iter().chain(&proxy.flows).chain(&proxy.post_flow).chain(&proxy.post_client_flow));
    }
    for target in targets {
        flows.extend(target.pre_flow.iter().chain(&target.flows).chain(&target.post_flow));
    }
    let mut found: BTreeMap<&str, (Verdict, String)> = BTreeMap::new();
    for flow in flows {
        for (steps, ambient) in [(&flow.request, StreamedMessage::Request), (&flow.response, StreamedMessage::Response)]
        {
            for step in steps {
                if let Some((verdict, how)) = reads(bundle, step, message, ambient) {
                    found.entry(step.policy).or_insert((verdict, how));
                }
            }
        }
    }
    for (policy, (verdict, how)) in found {
        let (name, word) = (message.property(), message.word());
        findings.add(
            Finding::new(
                Code::Streaming,
                verdict,
                At::Place(BundlePlace::of(file.path, property)),
                format!(
                    "`{name}` is set, and `{policy}` {how}: the complete body of a streamed {word} is never available"
                ),
            )
            .help(format!("remove the property, or the step `{policy}`")),
        );
    }
}

/// How a step reads the body of a message; `ambient` is the message of its flow.
fn reads(
    bundle: &RuntimeBundle<'_>,
    step: &Step<'_>,
    message: StreamedMessage,
    ambient: StreamedMessage,
) -> Option<(Verdict, String)> {
    let policy = bundle.policies.get(step.policy).filter(|policy| policy.enabled)?;
    if let Some(how) = by_type(policy, message, ambient) {
        return Some((Verdict::Broken, format!("({}) {how}", policy.element)));
    }
    let variable = |text: &str| body_variable(text, message, ambient);
    let texts = policy.node.descendants().filter(Node::is_text).filter_map(|node| node.text());
    let attributes = policy.node.descendants().flat_map(|node| node.attributes()).map(|attribute| attribute.value());
    // A script's text is not a template; it is checked below.
    let script = matches!(policy.element, "Javascript" | "Script");
    if let Some(name) = texts.chain(attributes).filter(|_| !script).find_map(variable) {
        return Some((Verdict::Broken, format!("({}) reads `{name}`", policy.element)));
    }
    if let Some(name) = step.condition.as_ref().and_then(|condition: &Condition<'_>| variable(condition.text)) {
        return Some((Verdict::Broken, format!("has a condition that reads `{name}`")));
    }
    let source = if script { scripts(bundle, policy) } else { Vec::new() };
    let reads = source.iter().any(|source| {
        ambient == message && [".content", ".body", "asJSON", "asXML"].iter().any(|word| source.contains(word))
            || variable(source).is_some()
    });
    reads.then(|| (Verdict::Doubtful, format!("({}) seems to read the body", policy.element)))
}

/// How a policy reads the body of a message, according to its type and its elements.
fn by_type(policy: &Policy<'_>, message: StreamedMessage, ambient: StreamedMessage) -> Option<&'static str> {
    let node = policy.node;
    let has = |names: &[&str]| node.descendants().any(|inner| names.iter().any(|name| inner.has_tag_name(*name)));
    let source = |default: Option<StreamedMessage>| {
        let named = child(node, "Source").map(text).filter(|name| !name.is_empty());
        named.map_or(default, |name| of_source(name, ambient)) == Some(message)
    };
    let body = &["JSONPayload", "XMLPayload", "FormParam"];
    match policy.element {
        "JSONThreatProtection" | "XMLThreatProtection" | "GraphQL" if source(Some(StreamedMessage::Request)) => {
            Some("parses the body")
        }
        "MessageValidation" | "ParsePayload" | "XMLToJSON" | "JSONToXML" | "XSL" if source(Some(ambient)) => {
            Some("parses the body")
        }
        "OASValidation" if has(&["ValidateMessageBody"]) && source(Some(StreamedMessage::Request)) => {
            let validates = node.descendants().find(|inner| inner.has_tag_name("ValidateMessageBody"));
            validates.filter(|node| text(*node).eq_ignore_ascii_case("true")).map(|_| "parses the body")
        }
        "ExtractVariables" | "DataCapture" | "RegularExpressionProtection" if has(body) && source(Some(ambient)) => {
            Some("parses the body")
        }
        "ResponseCache" if message == StreamedMessage::Response => Some("caches the body"),
        "PopulateCache" | "SemanticCachePopulate" if source(None) => Some("caches the body"),
        "AssignMessage" => assigns(node, message, ambient),
        _ => None,
    }
}

/// What an AssignMessage policy does with a body.
fn assigns(node: Node<'_, '_>, message: StreamedMessage, ambient: StreamedMessage) -> Option<&'static str> {
    let assign_to = child(node, "AssignTo");
    let new = assign_to.is_some_and(|to| to.attribute("createNew").is_some_and(|new| new.eq_ignore_ascii_case("true")));
    let named = assign_to.map(text).filter(|name| !name.is_empty());
    let assigned = named.map_or(Some(ambient), |name| of_source(name, ambient));
    let changes = ["Set", "Add", "Remove"].iter().filter_map(|name| child(node, name));
    let writes = changes.flat_map(|change| change.children()).any(|part| {
        part.has_tag_name("Payload") && !text(part).eq_ignore_ascii_case("false") || part.has_tag_name("FormParams")
    });
    if writes && !new && assigned == Some(message) {
        return Some("sets the body");
    }
    let copy = child(node, "Copy")?;
    let source = copy.attribute("source").map_or(Some(ambient), |name| of_source(name, ambient));
    let whole = copy.children().all(|part| !part.is_element());
    let payload = child(copy, "Payload").is_some_and(|node| text(node).eq_ignore_ascii_case("true"));
    (source == Some(message) && (whole || payload)).then_some("copies the body")
}

/// The message that a name refers to, if it is the request or the response.
fn of_source(name: &str, ambient: StreamedMessage) -> Option<StreamedMessage> {
    match name.split('.').next() {
        Some("request") => Some(StreamedMessage::Request),
        Some("response") => Some(StreamedMessage::Response),
        Some("message") => Some(ambient),
        _ => None,
    }
}

/// The first variable in a text that contains the body of a message or a part of it.
fn body_variable(text: &str, message: StreamedMessage, ambient: StreamedMessage) -> Option<String> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || "._-".contains(c)));
    words
        .filter(|word| of_source(word, ambient) == Some(message))
        .find(|word| {
            let rest = word.split_once('.').map_or("", |(_, rest)| rest);
            rest == "content"
                || ["content.", "formparam.", "formparams.", "formstring"].iter().any(|part| rest.starts_with(part))
        })
        .map(str::to_owned)
}

/// The texts of a policy's scripts.
fn scripts(bundle: &RuntimeBundle<'_>, policy: &Policy<'_>) -> Vec<String> {
    let mut found: Vec<String> = children(policy.node, "Source").map(|node| text(node).to_owned()).collect();
    let urls: BTreeSet<&str> =
        ["ResourceURL", "IncludeURL"].iter().flat_map(|name| children(policy.node, name)).map(text).collect();
    for url in urls {
        if let Some((folder, name)) = url.split_once("://")
            && let Some(bytes) = bundle.files.get(&format!("resources/{folder}/{name}"))
        {
            found.push(String::from_utf8_lossy(bytes).into_owned());
        }
    }
    found
}
