//! Apigee's policies: one file for each that apigee-flux generates, and the list of all policies of Apigee.
//!
//! A policy is a typed value that becomes the children of its root element; the attributes that all policies share, and
//! `DisplayName`, are added here. Nothing here depends on where a policy is attached.
//!
//! To add one: a file with a struct, its [`PolicyType`] with the schema of its XML and its [`GeneratedPolicy`], and one line in
//! [`POLICIES`]. A policy that users can only write as XML needs only that line and a schema in `written`.

pub mod assign_message;
pub mod authentication;
pub mod basic_authentication;
pub mod cors;
pub mod extract_variables;
pub mod flow_callout;
pub mod graphql;
pub mod hmac;
pub mod http_modifier;
pub mod javascript;
pub mod json_threat_protection;
pub mod json_to_xml;
pub mod key_value_map_operations;
pub mod llm_token_quota;
pub mod message_logging;
pub mod message_parts;
pub mod oas_validation;
pub mod oauth_v2;
pub mod prompt_token_limit;
pub mod quota;
pub mod raise_fault;
pub mod raw;
pub mod regular_expression_protection;
pub mod response_cache;
pub mod sanitize_model_response;
pub mod sanitize_user_prompt;
pub mod schema;
pub mod semantic_cache_lookup;
pub mod semantic_cache_populate;
pub mod service_callout;
pub mod set_integration_request;
pub mod spike_arrest;
pub mod ssl_info;
mod value;
pub mod variables;
pub mod verify_api_key;
pub mod verify_jwt;
mod written;
pub mod xml_threat_protection;
pub mod xml_to_json;
pub mod xsl;

pub use value::PolicyValue;

use Class::{Extensible, Standard, Unstated};

use apigee_flux_model::xml::Element;
use schema::ElementSchema;

/// The classes that Apigee charges for: one extensible policy makes the whole proxy extensible, which base environments
/// do not allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Runs in every environment.
    Standard,
    /// Needs an intermediate or comprehensive environment.
    Extensible,
    /// Not specified on Google's page of the policy.
    Unstated,
}

/// A type of policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PolicyType {
    /// The root element of its XML.
    pub element: &'static str,
    /// The prefix of the names of its policies, as in rule PO007 of apigeelint.
    pub prefix: &'static str,
    /// The class of the policy.
    pub class: Class,
    /// A description, one line.
    pub doc: &'static str,
    /// The schema of its XML.
    pub schema: &'static ElementSchema,
}

/// A type that apigee-flux does not generate.
const fn raw(schema: &'static ElementSchema, prefix: &'static str, class: Class, doc: &'static str) -> PolicyType {
    PolicyType { element: schema.name, prefix, class, doc, schema }
}

/// All types of Apigee X and hybrid, sorted by element.
pub const POLICIES: &[PolicyType] = &[
    raw(&written::ACCESS_CONTROL, "AC", Standard, "Allows or denies callers by their IP addresses."),
    raw(&written::ACCESS_ENTITY, "AE", Extensible, "Reads the profile of a developer, an app or a product."),
    raw(&written::ASSERT_CONDITION, "AC", Standard, "Evaluates a condition and stores the result in variables."),
    assign_message::TYPE,
    basic_authentication::TYPE,
    cors::TYPE,
    raw(&written::DATA_CAPTURE, "DC", Extensible, "Writes values of the call to data collectors for analytics."),
    raw(&written::DECODE_JWS, "JWS", Extensible, "Decodes a JWS without verifying its signature."),
    raw(&written::DECODE_JWT, "JWT", Standard, "Decodes a JWT without verifying its signature."),
    raw(&written::DELETE_OAUTH_V2_INFO, "OAuthV2", Extensible, "Deletes an access token or an authorization code."),
    raw(&written::EXTERNAL_CALLOUT, "EC", Standard, "Calls a gRPC server, which can read and change the call."),
    extract_variables::TYPE,
    flow_callout::TYPE,
    raw(&written::GENERATE_JWS, "GJWS", Extensible, "Signs a JWS."),
    raw(&written::GENERATE_JWT, "GJWT", Extensible, "Signs or encrypts a JWT."),
    raw(&written::GENERATE_SAML_ASSERTION, "SAML", Extensible, "Attaches a SAML assertion to an XML request."),
    raw(&written::GET_OAUTH_V2_INFO, "OAuthV2", Extensible, "Reads the attributes of a token, a code or a client."),
    graphql::TYPE,
    hmac::TYPE,
    http_modifier::TYPE,
    raw(
        &written::INTEGRATION_CALLOUT,
        "IC",
        Unstated,
        "Runs an integration of Application Integration and waits for it.",
    ),
    raw(&written::INVALIDATE_CACHE, "IC", Extensible, "Removes entries from a cache."),
    raw(&written::JAVA_CALLOUT, "Java", Extensible, "Runs Java code of the bundle."),
    javascript::TYPE,
    json_threat_protection::TYPE,
    json_to_xml::TYPE,
    key_value_map_operations::TYPE,
    raw(
        &written::LDAP,
        "LDAP",
        Unstated,
        "Authenticates against an LDAP directory; apigeelint lists it for Apigee X, Google's documentation only for the private cloud.",
    ),
    llm_token_quota::TYPE,
    raw(&written::LOOKUP_CACHE, "LC", Extensible, "Reads a value from a cache."),
    message_logging::TYPE,
    raw(&written::MESSAGE_VALIDATION, "MV", Unstated, "Validates XML against a schema, or SOAP against a WSDL."),
    raw(
        &written::MONETIZATION_LIMITS_CHECK,
        "MC",
        Unstated,
        "Rejects calls of developers without a rate plan or without balance.",
    ),
    oas_validation::TYPE,
    oauth_v2::TYPE,
    raw(&written::PARSE_DIALOGFLOW_REQUEST, "PDFR", Unstated, "Reads the request of a Dialogflow webhook."),
    raw(&written::PARSE_PAYLOAD, "PP", Unstated, "Reads a JSON-RPC or MCP payload into variables."),
    raw(&written::POPULATE_CACHE, "PC", Extensible, "Writes a value to a cache."),
    prompt_token_limit::TYPE,
    raw(&written::PUBLISH_MESSAGE, "PM", Unstated, "Publishes a message to Pub/Sub."),
    quota::TYPE,
    raise_fault::TYPE,
    raw(&written::READ_PROPERTY_SET, "RPS", Unstated, "Reads property sets into variables."),
    regular_expression_protection::TYPE,
    raw(&written::RESET_QUOTA, "RQ", Unstated, "Changes the remaining count of a quota."),
    response_cache::TYPE,
    raw(&written::REVOKE_OAUTH_V2, "OAR", Extensible, "Revokes the tokens of a developer, an app or an end user."),
    sanitize_model_response::TYPE,
    sanitize_user_prompt::TYPE,
    raw(&written::SCRIPT, "SCR", Extensible, "Runs Python code of the bundle."),
    semantic_cache_lookup::TYPE,
    semantic_cache_populate::TYPE,
    service_callout::TYPE,
    raw(&written::SET_DIALOGFLOW_RESPONSE, "SDFR", Unstated, "Writes the response of a Dialogflow webhook."),
    set_integration_request::TYPE,
    raw(&written::SET_OAUTH_V2_INFO, "OAuthV2", Extensible, "Changes the attributes of an access token."),
    spike_arrest::TYPE,
    raw(&written::TRACE_CAPTURE, "TC", Unstated, "Adds variables to the spans of distributed tracing."),
    raw(&written::VALIDATE_SAML_ASSERTION, "SAML", Extensible, "Validates the SAML assertion of an XML request."),
    verify_api_key::TYPE,
    raw(&written::VERIFY_IAM, "VIAM", Unstated, "Authorizes callers with Google Cloud IAM."),
    raw(&written::VERIFY_JWS, "VJWS", Extensible, "Verifies the signature of a JWS."),
    verify_jwt::TYPE,
    xml_threat_protection::TYPE,
    xml_to_json::TYPE,
    xsl::TYPE,
];

/// The types that exist only in Apigee Edge, and their replacements.
pub const EDGE_ONLY: &[(&str, &str)] = &[
    ("ConcurrentRateLimit", "limit the rate with `SpikeArrest` or `Quota`"),
    ("ConcurrentRatelimit", "limit the rate with `SpikeArrest` or `Quota`"),
    ("ConnectorCallout", "call the service with `ServiceCallout` or `IntegrationCallout`"),
    ("DeleteOAuthV1Info", "use `DeleteOAuthV2Info`"),
    ("GetOAuthV1Info", "use `GetOAuthV2Info`"),
    ("OAuthV1", "use `OAuthV2`"),
    ("StatisticsCollector", "collect values with `DataCapture`"),
];

/// The type of a root element.
pub fn policy_type(element: &str) -> Option<&'static PolicyType> {
    POLICIES.iter().find(|policy| policy.element == element)
}

/// A policy that apigee-flux generates.
pub trait GeneratedPolicy {
    /// The type of the policy.
    fn policy_type(&self) -> &'static PolicyType;

    /// Adds the content of the policy to its root element.
    fn fill(&self, root: Element) -> Element;

    /// Whether the call continues if the policy fails. Only for policies that a caller can do without: a check that is
    /// skipped when it fails would not protect anything.
    fn continue_on_error(&self) -> bool {
        false
    }

    /// The XML of the policy with a name.
    fn element(&self, name: &str) -> Element {
        let root = root(self.policy_type().element, name);
        self.fill(root.attribute("continueOnError", self.continue_on_error()))
    }
}

/// The root element of a policy: enabled, and a fault in it ends the call.
fn root(element: &str, name: &str) -> Element {
    Element::new(element)
        .attribute("continueOnError", "false")
        .attribute("enabled", "true")
        .attribute("name", name)
        .child(Element::leaf("DisplayName", name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted_and_prefixes_have_the_form_that_the_lint_knows() {
        let elements: Vec<String> = POLICIES.iter().map(|policy| policy.element.to_lowercase()).collect();
        assert!(elements.is_sorted_by(|a, b| a < b), "{elements:?}");
        for policy in POLICIES {
            assert!(policy.prefix.chars().all(|c| c.is_ascii_alphanumeric()), "{}", policy.element);
            assert!(policy.doc.ends_with('.'), "{}", policy.element);
        }
    }

    #[test]
    fn no_type_is_both_here_and_on_edge_only() {
        for (element, _) in EDGE_ONLY {
            assert!(!POLICIES.iter().any(|policy| policy.element.eq_ignore_ascii_case(element)), "{element}");
        }
    }
}
