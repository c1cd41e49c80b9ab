//! A bundle as Apigee's runtime reads it: endpoints, flows, steps and conditions, each with its place in its file.
//!
//! Made from files, ours or anybody's, and tolerant of what it does not know: real bundles hold elements that no list has. `check` asks it what is wrong,
//! `explain` what would run, `inspect` what it needs. Parts that come in several stand in document order; names and texts are trimmed.

mod place;
mod read;

use std::collections::BTreeMap;

pub use place::Place;

use crate::bundle::{BundleKind, BundlePath, FileKind, Files};
use crate::condition::{Expr, Fault};
use crate::xml::{Document, Node, ParseError, parse_bytes};

/// The XML files of a bundle, parsed: what a [`Bundle`] borrows from.
#[derive(Debug)]
pub struct Documents<'b> {
    documents: Vec<(&'b BundlePath, Document<'b>)>,
}

/// A file that does not parse.
#[derive(Debug, Clone)]
pub struct Unreadable<'b> {
    /// The file.
    pub path: &'b BundlePath,
    /// What is wrong with it, and where.
    pub error: ParseError,
}

impl<'b> Documents<'b> {
    /// Parses the XML files ([`FileKind::is_xml`]); scripts and other resources are not read.
    pub fn parse(files: &'b Files) -> (Self, Vec<Unreadable<'b>>) {
        let mut documents = Vec::new();
        let mut unreadable = Vec::new();
        for (path, bytes) in files.iter() {
            if !FileKind::of(path).is_xml() {
                continue;
            }
            match parse_bytes(bytes) {
                Ok(document) => documents.push((path, document)),
                Err(error) => unreadable.push(Unreadable { path, error }),
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
pub struct Bundle<'d> {
    /// Which of both.
    pub kind: BundleKind,
    /// Its name in Apigee.
    pub name: String,
    /// All files.
    pub files: &'d Files,
    /// How callers reach it.
    pub proxy_endpoints: Vec<ProxyEndpoint<'d>>,
    /// How it reaches its backends.
    pub target_endpoints: Vec<TargetEndpoint<'d>>,
    /// The integrations that routes may lead to.
    pub integration_endpoints: Vec<&'d str>,
    /// The flows of a shared flow.
    pub shared_flows: Vec<SharedFlow<'d>>,
    /// The policies by name.
    pub policies: BTreeMap<&'d str, Policy<'d>>,
}

/// A text and where it stands.
#[derive(Debug, Clone, Copy)]
pub struct Text<'d> {
    /// The text, trimmed.
    pub value: &'d str,
    /// Where it stands.
    pub place: Place<'d>,
}

/// A condition and its tree, if it has one.
#[derive(Debug, Clone)]
pub struct Condition<'d> {
    /// The text as the XML says it, trimmed.
    pub text: &'d str,
    /// Where it starts.
    pub place: Place<'d>,
    /// Its tree, or why there is none.
    pub parsed: Result<Expr, Fault>,
}

/// One policy at one place.
#[derive(Debug, Clone)]
pub struct Step<'d> {
    /// The policy's name.
    pub policy: &'d str,
    /// When it runs; always without.
    pub condition: Option<Condition<'d>>,
    /// Where the step stands.
    pub place: Place<'d>,
}

/// The steps of both directions: PreFlow, a conditional flow, PostFlow.
#[derive(Debug, Clone)]
pub struct Flow<'d> {
    /// Its name.
    pub name: &'d str,
    /// When it runs; always without.
    pub condition: Option<Condition<'d>>,
    /// On the way to the target.
    pub request: Vec<Step<'d>>,
    /// On the way back.
    pub response: Vec<Step<'d>>,
    /// Where it stands.
    pub place: Place<'d>,
}

/// Steps for a fault.
#[derive(Debug, Clone)]
pub struct FaultRule<'d> {
    /// Its name.
    pub name: &'d str,
    /// When it runs; always without.
    pub condition: Option<Condition<'d>>,
    /// Its steps.
    pub steps: Vec<Step<'d>>,
    /// For the default rule: whether it runs after another rule too.
    pub always_enforce: bool,
    /// Where it stands.
    pub place: Place<'d>,
}

/// How callers reach a proxy.
#[derive(Debug, Clone)]
pub struct ProxyEndpoint<'d> {
    /// Its name.
    pub name: &'d str,
    /// Its file.
    pub place: Place<'d>,
    /// The paths that it serves: one, if it is sound.
    pub base_paths: Vec<Text<'d>>,
    /// Runs first.
    pub pre_flow: Option<Flow<'d>>,
    /// Of these the first that matches runs.
    pub flows: Vec<Flow<'d>>,
    /// Runs last.
    pub post_flow: Option<Flow<'d>>,
    /// Runs when the response is on its way to the caller.
    pub post_client_flow: Option<Flow<'d>>,
    /// Runs for each event of a stream.
    pub event_flow: Option<Flow<'d>>,
    /// Tried from the last to the first.
    pub fault_rules: Vec<FaultRule<'d>>,
    /// Tried when no other matches, or always.
    pub default_fault_rule: Option<FaultRule<'d>>,
    /// Tried in their order.
    pub route_rules: Vec<RouteRule<'d>>,
    /// The whole element.
    pub node: Node<'d, 'd>,
}

/// Where a route leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Destination<'d> {
    /// To a TargetEndpoint of the bundle.
    Target(&'d str),
    /// To a URL.
    Url(&'d str),
    /// To an IntegrationEndpoint of the bundle.
    Integration(&'d str),
    /// Nowhere: the proxy answers.
    None,
}

/// One way to a target.
#[derive(Debug, Clone)]
pub struct RouteRule<'d> {
    /// Its name.
    pub name: &'d str,
    /// When it is taken; always without.
    pub condition: Option<Condition<'d>>,
    /// Where it leads.
    pub destination: Destination<'d>,
    /// Where it stands.
    pub place: Place<'d>,
}

/// How a proxy reaches a backend.
#[derive(Debug, Clone)]
pub struct TargetEndpoint<'d> {
    /// Its name.
    pub name: &'d str,
    /// Its file.
    pub place: Place<'d>,
    /// Runs first.
    pub pre_flow: Option<Flow<'d>>,
    /// Of these the first that matches runs.
    pub flows: Vec<Flow<'d>>,
    /// Runs last.
    pub post_flow: Option<Flow<'d>>,
    /// Runs for each event of a stream.
    pub event_flow: Option<Flow<'d>>,
    /// Tried from the first to the last.
    pub fault_rules: Vec<FaultRule<'d>>,
    /// Tried when no other matches, or always.
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
    pub place: Place<'d>,
    /// Its steps.
    pub steps: Vec<Step<'d>>,
}

/// A policy.
#[derive(Debug, Clone)]
pub struct Policy<'d> {
    /// Its name.
    pub name: &'d str,
    /// Its root element, which is its type.
    pub element: &'d str,
    /// Its file.
    pub place: Place<'d>,
    /// The whole element.
    pub node: Node<'d, 'd>,
    /// Whether it runs at all.
    pub enabled: bool,
    /// Whether a fault of it is passed over.
    pub continue_on_error: bool,
}

impl<'d> Condition<'d> {
    /// The place of a byte of the text.
    pub fn place_of(&self, offset: usize) -> Place<'d> {
        self.place.inside(self.text, offset)
    }
}

impl<'d> Flow<'d> {
    /// The steps of both directions.
    pub fn steps(&self) -> impl Iterator<Item = &Step<'d>> {
        self.request.iter().chain(&self.response)
    }
}

impl<'d> ProxyEndpoint<'d> {
    /// Every step, wherever it is attached.
    pub fn steps(&self) -> impl Iterator<Item = &Step<'d>> {
        let outer = [&self.pre_flow, &self.post_flow, &self.post_client_flow, &self.event_flow];
        let flows = outer.into_iter().flatten().chain(&self.flows).flat_map(Flow::steps);
        let rules = self.fault_rules.iter().chain(&self.default_fault_rule).flat_map(|rule| &rule.steps);
        flows.chain(rules)
    }
}

impl<'d> TargetEndpoint<'d> {
    /// Every step, wherever it is attached.
    pub fn steps(&self) -> impl Iterator<Item = &Step<'d>> {
        let outer = [&self.pre_flow, &self.post_flow, &self.event_flow];
        let flows = outer.into_iter().flatten().chain(&self.flows).flat_map(Flow::steps);
        let rules = self.fault_rules.iter().chain(&self.default_fault_rule).flat_map(|rule| &rule.steps);
        flows.chain(rules)
    }
}

impl<'d> Bundle<'d> {
    /// Every step, wherever it is attached.
    pub fn steps(&self) -> impl Iterator<Item = &Step<'d>> {
        let proxies = self.proxy_endpoints.iter().flat_map(ProxyEndpoint::steps);
        let targets = self.target_endpoints.iter().flat_map(TargetEndpoint::steps);
        proxies.chain(targets).chain(self.shared_flows.iter().flat_map(|flow| &flow.steps))
    }
}
