//! TargetEndpoint: how the proxy reaches a backend.

use super::fault_handling::{EndpointKind, FaultHandling};
use super::flow::{Flow, Step};
use apigee_flux_analysis::policy::authentication::Authentication;
use apigee_flux_analysis::policy::set_integration_request::SetIntegrationRequest;
use apigee_flux_analysis::policy::ssl_info::SslInfo;
use apigee_flux_model::xml::Element;

/// A TargetEndpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::proxy) struct TargetEndpoint {
    /// The name of the endpoint and of its file.
    pub name: String,
    /// Fault handling for an error response of the target, a missing response, or a step of this endpoint that fails.
    pub faults: FaultHandling,
    /// Runs first, for every request to this target.
    pub pre_flow: Flow,
    /// Runs last, for every response of this target.
    pub post_flow: Flow,
    /// Where it connects to.
    pub destination: TargetDestination,
    /// The Google credential that requests carry.
    pub authentication: Option<Authentication>,
    /// How long to wait for the connection, in milliseconds.
    pub connect_timeout: Option<u64>,
    /// How long to wait for each read, in milliseconds.
    pub read_timeout: Option<u64>,
    /// Further properties of the connection by Apigee's names.
    pub properties: Vec<(String, String)>,
}

/// Where a target connects to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::proxy) enum TargetDestination {
    /// One URL.
    Url {
        /// The URL, with `http` or `https`.
        url: String,
        /// `None` for `http`.
        ssl_info: Option<SslInfo>,
    },
    /// Servers that the environment defines, with their own TLS.
    LoadBalancer {
        /// The servers.
        load_balancer: LoadBalancer,
        /// The path on the servers.
        path: Option<String>,
        /// The health check, which adds servers back to the rotation.
        health_monitor: Option<HealthMonitor>,
    },
    /// An integration of Application Integration; it has no flows and no connection.
    Integration {
        /// The request, which a step of the ProxyEndpoint prepares.
        request: SetIntegrationRequest,
        /// Whether the caller gets a response before the integration has ended.
        asynchronous: bool,
    },
}

/// Target servers that share the load.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::proxy) struct LoadBalancer {
    /// In the order written.
    pub servers: Vec<BalancedServer>,
    /// The number of failures after which a server is removed from rotation.
    pub max_failures: Option<u32>,
}

/// One target server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::proxy) struct BalancedServer {
    /// The name of the server in the environment.
    pub name: String,
    /// The share of the load; set for all servers except the fallback, or for none.
    pub weight: Option<u32>,
    /// Whether it is called only when all other servers are removed from rotation.
    pub fallback: bool,
}

/// A request that checks whether a server is healthy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::proxy) struct HealthMonitor {
    /// Seconds between two requests.
    pub interval: u64,
    /// Seconds to wait for the connection, and for the response.
    pub timeout: u64,
    /// The port, if it is not that of the server.
    pub port: Option<u16>,
    /// The path to GET.
    pub path: String,
    /// The status codes of a healthy server.
    pub expect: Vec<u16>,
}

impl BalancedServer {
    fn element(&self) -> Element {
        Element::new("Server")
            .attribute("name", &self.name)
            .children(self.weight.map(|weight| Element::leaf("Weight", weight)))
            .children(self.fallback.then(|| Element::leaf("IsFallback", true)))
    }
}

impl LoadBalancer {
    fn add_to(&self, connection: Element) -> Element {
        // Without a count no server is ever removed from rotation, which is what the author of the spec chose.
        let uncounted = self.servers.len() > 1 && self.max_failures.is_none();
        let connection = if uncounted { connection.lint_directive("TD015") } else { connection };
        connection.child(self.element())
    }

    fn element(&self) -> Element {
        let several = self.servers.len() > 1;
        let weighted = self.servers.iter().any(|server| server.weight.is_some());
        let algorithm = if weighted { "Weighted" } else { "RoundRobin" };
        Element::new("LoadBalancer")
            .children(several.then(|| Element::leaf("Algorithm", algorithm)))
            .children(self.servers.iter().map(BalancedServer::element))
            .children(self.max_failures.map(|count| Element::leaf("MaxFailures", count)))
            .children(several.then(|| Element::leaf("RetryEnabled", true)))
    }
}

impl HealthMonitor {
    fn element(&self) -> Element {
        let request = Element::new("Request")
            // A server with TLS is checked with its own TLS settings; a server without TLS is not affected.
            .child(Element::leaf("UseTargetServerSSLInfo", true))
            .child(Element::leaf("ConnectTimeoutInSec", self.timeout))
            .child(Element::leaf("SocketReadTimeoutInSec", self.timeout))
            .children(self.port.map(|port| Element::leaf("Port", port)))
            .child(Element::leaf("Verb", "GET"))
            .child(Element::leaf("Path", &self.path));
        let success = Element::new("SuccessResponse")
            .children(self.expect.iter().map(|status| Element::leaf("ResponseCode", status)));
        Element::new("HealthMonitor")
            .child(Element::leaf("IsEnabled", true))
            .child(Element::leaf("IntervalInSec", self.interval))
            .child(Element::new("HTTPMonitor").child(request).child(success))
    }
}

impl TargetEndpoint {
    /// All steps.
    pub(in crate::proxy) fn steps(&self) -> impl Iterator<Item = &Step> {
        self.faults.steps().chain(self.pre_flow.steps()).chain(self.post_flow.steps())
    }

    fn connection(&self) -> Element {
        let connection = Element::new("HTTPTargetConnection");
        let connection = match &self.destination {
            TargetDestination::Url { url, ssl_info } => {
                // The author of the spec chose a URL instead of target servers.
                let connection = connection.lint_directive("TD002").child(Element::leaf("URL", url));
                match ssl_info {
                    // Without a trust store the public certificate authorities are trusted, which is right for public
                    // hosts.
                    Some(ssl_info) if ssl_info.trust_store.is_none() => {
                        connection.lint_directive("TD007").child(ssl_info.element())
                    }
                    Some(ssl_info) => connection.child(ssl_info.element()),
                    None => connection,
                }
            }
            TargetDestination::LoadBalancer { load_balancer, path, health_monitor } => load_balancer
                .add_to(connection)
                .children(path.as_ref().map(|path| Element::leaf("Path", path)))
                .children(health_monitor.as_ref().map(HealthMonitor::element)),
            TargetDestination::Integration { .. } => connection,
        };
        let timeouts = [("connect.timeout.millis", self.connect_timeout), ("io.timeout.millis", self.read_timeout)];
        let timeouts = timeouts.into_iter().filter_map(|(name, millis)| Some((name, millis?.to_string())));
        let others = self.properties.iter().map(|(name, value)| (name.as_str(), value.clone()));
        let properties: Vec<Element> = timeouts
            .chain(others)
            .map(|(name, value)| Element::leaf("Property", value).attribute("name", name))
            .collect();
        connection
            .children(self.authentication.as_ref().map(Authentication::element))
            .children((!properties.is_empty()).then(|| Element::new("Properties").children(properties)))
    }

    /// The folder of the endpoint's file.
    pub(in crate::proxy) fn folder(&self) -> &'static str {
        match self.destination {
            TargetDestination::Url { .. } | TargetDestination::LoadBalancer { .. } => "targets",
            TargetDestination::Integration { .. } => "integration-endpoints",
        }
    }

    /// The endpoint's file.
    pub(in crate::proxy) fn element(&self) -> Element {
        if let TargetDestination::Integration { asynchronous, .. } = self.destination {
            return Element::new("IntegrationEndpoint")
                .attribute("name", &self.name)
                .child(Element::leaf("AsyncExecution", asynchronous));
        }
        Element::new("TargetEndpoint")
            .attribute("name", &self.name)
            .child(Element::leaf("Description", &self.name))
            .children(self.faults.elements(EndpointKind::Target))
            .child(self.pre_flow.element("PreFlow"))
            .child(Element::new("Flows"))
            .child(self.post_flow.element("PostFlow"))
            .child(self.connection())
    }
}
