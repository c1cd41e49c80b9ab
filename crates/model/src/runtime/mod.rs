//! The model of a bundle as Apigee's runtime reads it: endpoints, flows, steps and conditions, each with its place in its file.
//!
//! The model is read from the files of any bundle, generated or imported, and ignores unknown elements, because real bundles contain
//! undocumented ones. `check` reports what is wrong with it, `explain` what would run, `inspect` what it needs. Lists are in document order;
//! names and texts are trimmed.

mod place;
mod read;

use std::collections::BTreeMap;

pub use place::BundlePlace;

use crate::bundle::{BundleKind, BundlePath, FileKind, Files};
use crate::condition::{ConditionSyntaxError, Expr};
use crate::xml::{Document, Node, ParseError, parse_bytes};

/// The XML files of a bundle, parsed: what a [`RuntimeBundle`] borrows from.
#[derive(Debug)]
pub struct Documents<'b> {
    documents: Vec<(&'b BundlePath, Document<'b>)>,
}

/// A file that does not parse.
#[derive(Debug, Clone)]
pub struct UnreadableFile<'b> {
    /// The file.
    pub path: &'b BundlePath,
    /// What is wrong with it, and where.
    pub error: ParseError,
}

impl<'b> Documents<'b> {
    /// Parses the XML files ([`FileKind::is_xml`]); scripts and other resources are not read.
    pub fn parse(files: &'b Files) -> (Self, Vec<UnreadableFile<'b>>) {
        let mut documents = Vec::new();
        let mut unreadable = Vec::new();
        for (path, bytes) in files.iter() {
            if !FileKind::of(path).is_xml() {
                continue;
            }
            match parse_bytes(bytes) {
                Ok(document) => documents.push((path, document)),
                Err(error) => unreadable.push(UnreadableFile { path, error }),
            }
        }
        (Self { documents }, unreadable)
    }

    /// The files in the order of their paths.
    pub fn iter(&self) -> impl Iterator<Item = (&'b BundlePath, &Document<'b>)> {
        self.documents.iter().map(|(path, document)| (*path, document))
    }
}

/// A proxy or a shared flow.
#[derive(Debug)]
pub struct RuntimeBundle<'d> {
    /// Proxy or shared flow.
    pub kind: BundleKind,
    /// Its name in Apigee.
    pub name: String,
    /// All files.
    pub files: &'d Files,
    /// The proxy endpoints, which callers use.
    pub proxy_endpoints: Vec<ProxyEndpoint<'d>>,
    /// The target endpoints, which call the backends.
    pub target_endpoints: Vec<TargetEndpoint<'d>>,
    /// The names of the integration endpoints that routes may refer to.
    pub integration_endpoints: Vec<&'d str>,
    /// The flows of a shared flow.
    pub shared_flows: Vec<SharedFlow<'d>>,
    /// The policies by name.
    pub policies: BTreeMap<&'d str, Policy<'d>>,
}

/// A text and its place.
#[derive(Debug, Clone, Copy)]
pub struct PlacedText<'d> {
    /// The text, trimmed.
    pub value: &'d str,
    /// Its place.
    pub place: BundlePlace<'d>,
}

/// A condition and its parsed expression, or the syntax error.
#[derive(Debug, Clone)]
pub struct Condition<'d> {
    /// The text of the XML element, trimmed.
    pub text: &'d str,
    /// Where it starts.
    pub place: BundlePlace<'d>,
    /// The parsed expression, or the syntax error.
    pub parsed: Result<Expr, ConditionSyntaxError>,
}

/// A step: a policy that is attached to a flow.
#[derive(Debug, Clone)]
pub struct Step<'d> {
    /// The policy's name.
    pub policy: &'d str,
    /// When it runs; `None` means always.
    pub condition: Option<Condition<'d>>,
    /// The place of the step.
    pub place: BundlePlace<'d>,
}

/// The steps of request and response in a PreFlow, a conditional flow or a PostFlow.
#[derive(Debug, Clone)]
pub struct Flow<'d> {
    /// Its name.
    pub name: &'d str,
    /// When it runs; `None` means always.
    pub condition: Option<Condition<'d>>,
    /// The steps of the request.
    pub request: Vec<Step<'d>>,
    /// The steps of the response.
    pub response: Vec<Step<'d>>,
    /// Its place.
    pub place: BundlePlace<'d>,
}

/// A fault rule: steps that handle a fault.
#[derive(Debug, Clone)]
pub struct FaultRule<'d> {
    /// Its name.
    pub name: &'d str,
    /// When it runs; `None` means always.
    pub condition: Option<Condition<'d>>,
    /// Its steps.
    pub steps: Vec<Step<'d>>,
    /// For the default rule: whether it also runs after another rule.
    pub always_enforce: bool,
    /// Its place.
    pub place: BundlePlace<'d>,
}

/// A proxy endpoint, which callers use.
#[derive(Debug, Clone)]
pub struct ProxyEndpoint<'d> {
    /// Its name.
    pub name: &'d str,
    /// Its file.
    pub place: BundlePlace<'d>,
    /// Its base paths; a valid endpoint has exactly one.
    pub base_paths: Vec<PlacedText<'d>>,
    /// Runs first.
    pub pre_flow: Option<Flow<'d>>,
    /// Only the first flow that matches runs.
    pub flows: Vec<Flow<'d>>,
    /// Runs last.
    pub post_flow: Option<Flow<'d>>,
    /// Runs after the response was sent to the caller.
    pub post_client_flow: Option<Flow<'d>>,
    /// Runs for each event of a stream.
    pub event_flow: Option<Flow<'d>>,
    /// Evaluated from the last to the first.
    pub fault_rules: Vec<FaultRule<'d>>,
    /// Runs if no other rule matches, or always.
    pub default_fault_rule: Option<FaultRule<'d>>,
    /// Evaluated in order.
    pub route_rules: Vec<RouteRule<'d>>,
    /// The whole element.
    pub node: Node<'d, 'd>,
}

/// The destination of a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RouteDestination<'d> {
    /// A TargetEndpoint of the bundle.
    Target(&'d str),
    /// A URL.
    Url(&'d str),
    /// An IntegrationEndpoint of the bundle.
    Integration(&'d str),
    /// No destination: the proxy itself responds.
    None,
}

/// A route rule.
#[derive(Debug, Clone)]
pub struct RouteRule<'d> {
    /// Its name.
    pub name: &'d str,
    /// When it is used; `None` means always.
    pub condition: Option<Condition<'d>>,
    /// Its destination.
    pub destination: RouteDestination<'d>,
    /// Its place.
    pub place: BundlePlace<'d>,
}

/// A target endpoint, which calls a backend.
#[derive(Debug, Clone)]
pub struct TargetEndpoint<'d> {
    /// Its name.
    pub name: &'d str,
    /// Its file.
    pub place: BundlePlace<'d>,
    /// Runs first.
    pub pre_flow: Option<Flow<'d>>,
    /// Only the first flow that matches runs.
    pub flows: Vec<Flow<'d>>,
    /// Runs last.
    pub post_flow: Option<Flow<'d>>,
    /// Runs for each event of a stream.
    pub event_flow: Option<Flow<'d>>,
    /// Evaluated from the first to the last.
    pub fault_rules: Vec<FaultRule<'d>>,
    /// Runs if no other rule matches, or always.
    pub default_fault_rule: Option<FaultRule<'d>>,
    /// The whole element.
    pub node: Node<'d, 'd>,
}

/// The steps of a shared flow.
#[derive(Debug, Clone)]
pub struct SharedFlow<'d> {
    /// Its name.
    pub name: &'d str,
    /// Its file.
    pub place: BundlePlace<'d>,
    /// Its steps.
    pub steps: Vec<Step<'d>>,
}

/// A policy.
#[derive(Debug, Clone)]
pub struct Policy<'d> {
    /// Its name.
    pub name: &'d str,
    /// The name of its root element, which is its type.
    pub element: &'d str,
    /// Its file.
    pub place: BundlePlace<'d>,
    /// The whole element.
    pub node: Node<'d, 'd>,
    /// Whether it is enabled.
    pub enabled: bool,
    /// Whether processing continues after a fault of this policy.
    pub continue_on_error: bool,
}

impl<'d> Condition<'d> {
    /// The place of a byte of the text.
    pub fn place_of(&self, offset: usize) -> BundlePlace<'d> {
        self.place.inside(self.text, offset)
    }
}

impl<'d> Flow<'d> {
    /// The steps of request and response.
    pub fn steps(&self) -> impl Iterator<Item = &Step<'d>> {
        self.request.iter().chain(&self.response)
    }
}

/// The steps of flows and fault rules.
fn steps_of<'f, 'd: 'f>(
    flows: impl Iterator<Item = &'f Flow<'d>>,
    rules: impl Iterator<Item = &'f FaultRule<'d>>,
) -> impl Iterator<Item = &'f Step<'d>> {
    flows.flat_map(Flow::steps).chain(rules.flat_map(|rule| &rule.steps))
}

impl<'d> ProxyEndpoint<'d> {
    /// Every step, wherever it is attached.
    pub fn steps(&self) -> impl Iterator<Item = &Step<'d>> {
        let outer = [&self.pre_flow, &self.post_flow, &self.post_client_flow, &self.event_flow];
        let flows = outer.into_iter().flatten().chain(&self.flows);
        steps_of(flows, self.fault_rules.iter().chain(&self.default_fault_rule))
    }
}

impl<'d> TargetEndpoint<'d> {
    /// Every step, wherever it is attached.
    pub fn steps(&self) -> impl Iterator<Item = &Step<'d>> {
        let outer = [&self.pre_flow, &self.post_flow, &self.event_flow];
        let flows = outer.into_iter().flatten().chain(&self.flows);
        steps_of(flows, self.fault_rules.iter().chain(&self.default_fault_rule))
    }
}

impl<'d> RuntimeBundle<'d> {
    /// Every step, wherever it is attached.
    pub fn steps(&self) -> impl Iterator<Item = &Step<'d>> {
        let proxies = self.proxy_endpoints.iter().flat_map(ProxyEndpoint::steps);
        let targets = self.target_endpoints.iter().flat_map(TargetEndpoint::steps);
        proxies.chain(targets).chain(self.shared_flows.iter().flat_map(|flow| &flow.steps))
    }
}
