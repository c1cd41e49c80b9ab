//! Every type of policy that Apigee has, also those that only users write.
//!
//! The class of a type that we generate stands in [`POLICIES`]; here stand the others, with the class that Google's page of the policy
//! states. Where no page states it, none is given: then nothing is claimed about a bundle.

use super::{Class, POLICIES};

/// A type of policy by its root element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// A policy of Apigee X and hybrid, with its class if that is known.
    Apigee(Option<Class>),
    /// A policy that only Apigee Edge has.
    EdgeOnly,
}

/// The type of a root element; none if it is none of Apigee's.
pub fn known(element: &str) -> Option<Known> {
    if let Some(ours) = POLICIES.iter().find(|policy| policy.element == element) {
        return Some(Known::Apigee(Some(ours.class)));
    }
    if EDGE_ONLY.contains(&element) {
        return Some(Known::EdgeOnly);
    }
    OTHERS.iter().find(|(name, _)| *name == element).map(|(_, class)| Known::Apigee(*class))
}

/// The root elements that Apigee X and hybrid know.
pub fn elements() -> impl Iterator<Item = &'static str> {
    POLICIES.iter().map(|policy| policy.element).chain(OTHERS.iter().map(|(element, _)| *element))
}

const EDGE_ONLY: &[&str] = &[
    "ConcurrentRateLimit",
    "ConcurrentRatelimit",
    "ConnectorCallout",
    "DeleteOAuthV1Info",
    "GetOAuthV1Info",
    "Ldap",
    "OAuthV1",
    "StatisticsCollector",
];

const EXTENSIBLE: Option<Class> = Some(Class::Extensible);
const STANDARD: Option<Class> = Some(Class::Standard);

const OTHERS: &[(&str, Option<Class>)] = &[
    ("AccessControl", STANDARD),
    ("AccessEntity", EXTENSIBLE),
    ("AssertCondition", STANDARD),
    ("BasicAuthentication", EXTENSIBLE),
    ("DataCapture", EXTENSIBLE),
    ("DecodeJWS", EXTENSIBLE),
    ("DecodeJWT", STANDARD),
    ("DeleteOAuthV2Info", EXTENSIBLE),
    ("ExternalCallout", STANDARD),
    ("ExtractVariables", EXTENSIBLE),
    ("FlowCallout", EXTENSIBLE),
    ("GenerateJWS", EXTENSIBLE),
    ("GenerateJWT", EXTENSIBLE),
    ("GenerateSAMLAssertion", EXTENSIBLE),
    ("GetOAuthV2Info", EXTENSIBLE),
    ("GraphQL", STANDARD),
    ("HMAC", STANDARD),
    ("IntegrationCallout", None),
    ("InvalidateCache", EXTENSIBLE),
    ("JSONThreatProtection", None),
    ("JSONToXML", None),
    ("JavaCallout", EXTENSIBLE),
    ("Javascript", EXTENSIBLE),
    ("KeyValueMapOperations", EXTENSIBLE),
    ("LLMTokenQuota", EXTENSIBLE),
    ("LookupCache", EXTENSIBLE),
    ("MessageLogging", EXTENSIBLE),
    ("MessageValidation", None),
    ("MonetizationLimitsCheck", None),
    ("OASValidation", None),
    ("OAuthV2", None),
    ("ParseDialogflowRequest", None),
    ("ParsePayload", None),
    ("PopulateCache", EXTENSIBLE),
    ("PromptTokenLimit", EXTENSIBLE),
    ("PublishMessage", None),
    ("ReadPropertySet", None),
    ("RegularExpressionProtection", None),
    ("ResetQuota", None),
    ("ResponseCache", EXTENSIBLE),
    ("RevokeOAuthV2", EXTENSIBLE),
    ("SanitizeModelResponse", EXTENSIBLE),
    ("SanitizeUserPrompt", EXTENSIBLE),
    ("Script", EXTENSIBLE),
    ("SemanticCacheLookup", EXTENSIBLE),
    ("SemanticCachePopulate", EXTENSIBLE),
    ("ServiceCallout", EXTENSIBLE),
    ("SetDialogflowResponse", None),
    ("SetIntegrationRequest", None),
    ("SetOAuthV2Info", EXTENSIBLE),
    ("TraceCapture", None),
    ("ValidateSAMLAssertion", EXTENSIBLE),
    ("VerifyIAM", None),
    ("VerifyJWS", EXTENSIBLE),
    ("VerifyJWT", None),
    ("XMLThreatProtection", None),
    ("XMLToJSON", STANDARD),
    ("XSL", EXTENSIBLE),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lists_agree() {
        assert!(OTHERS.is_sorted_by_key(|(element, _)| *element));
        for policy in POLICIES {
            let other = OTHERS.iter().find(|(element, _)| *element == policy.element);
            assert!(
                other.is_none_or(|(_, class)| class.is_none_or(|class| class == policy.class)),
                "{}",
                policy.element
            );
        }
        assert_eq!(known("ConcurrentRatelimit"), Some(Known::EdgeOnly));
        assert_eq!(known("SpikeArrest"), Some(Known::Apigee(STANDARD)));
        assert_eq!(known("Spikearrest"), None);
    }
}
