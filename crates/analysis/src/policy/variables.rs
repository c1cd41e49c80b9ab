//! The variables that policies set: Google's "Flow variables reference", by the type of policy.
//!
//! In a name, `{policy}` stands for the name of the policy, and a `*` at the end for any text.

/// Variables that a type of policy sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sets {
    /// The root elements of the policies.
    pub policies: &'static [&'static str],
    /// The prefix before the name of the policy, for example `verifyapikey` of `verifyapikey.NAME.client_id`; empty for
    /// variables without it.
    pub prefix: &'static str,
    /// Names that do not contain the name of the policy.
    pub names: &'static [&'static str],
}

const fn prefixed(prefix: &'static str, policies: &'static [&'static str]) -> Sets {
    Sets { policies, prefix, names: &[] }
}

/// The variables about the caller that are set after a key or a token is verified.
const CALLER: &[&str] = &["apiproduct.*", "app.*", "client_id", "developer.*"];

/// The additional variables about a token.
const TOKEN: &[&str] = &[
    "access_token",
    "accesstoken.*",
    "expires_in",
    "grant_type",
    "issued_at",
    "organization_name",
    "scope",
    "status",
    "token_type",
];

/// All variables that policies set.
pub const SETS: &[Sets] = &[
    prefixed("AccessEntity", &["AccessEntity"]),
    prefixed("assertcondition", &["AssertCondition"]),
    prefixed("GraphQL", &["GraphQL"]),
    Sets { policies: &["GraphQL"], prefix: "", names: &["graphql.*"] },
    prefixed("hmac", &["HMAC"]),
    prefixed("jws", &["DecodeJWS", "GenerateJWS", "VerifyJWS"]),
    prefixed("jwt", &["DecodeJWT", "GenerateJWT", "VerifyJWT", "OAuthV2"]),
    prefixed("lookupcache", &["LookupCache"]),
    prefixed("oauthv2accesstoken", OAUTH),
    prefixed("oauthv2authcode", OAUTH),
    prefixed("oauthv2client", OAUTH),
    prefixed("oauthv2refreshtoken", OAUTH),
    prefixed("oauthV2", VERIFIES),
    prefixed("populatecache", &["PopulateCache"]),
    prefixed("ratelimit", &["LLMTokenQuota", "PromptTokenLimit", "Quota", "SpikeArrest"]),
    prefixed("responsecache", &["ResponseCache"]),
    prefixed("SanitizeModelResponse", &["SanitizeModelResponse"]),
    prefixed("SanitizeUserPrompt", &["SanitizeUserPrompt"]),
    prefixed("SemanticCacheLookup", &["SemanticCacheLookup"]),
    prefixed("servicecallout", &["ServiceCallout"]),
    prefixed("verifyapikey", &["VerifyAPIKey"]),
    Sets { policies: VERIFIES, prefix: "", names: CALLER },
    Sets { policies: &["OAuthV2"], prefix: "", names: TOKEN },
];

/// The policies that set variables about tokens.
const OAUTH: &[&str] = &["DeleteOAuthV2Info", "GetOAuthV2Info", "OAuthV2", "RevokeOAuthV2", "SetOAuthV2Info"];

/// The policies that identify the caller.
const VERIFIES: &[&str] = &["OAuthV2", "VerifyAPIKey"];

/// Policies that set variables of any name: scripts, other flows, other services.
pub const OPAQUE: &[&str] = &[
    "ExternalCallout",
    "FlowCallout",
    "IntegrationCallout",
    "JavaCallout",
    "Javascript",
    "ParseDialogflowRequest",
    "ParsePayload",
    "Script",
];

/// True if a name of [`Sets::names`] covers a variable.
pub fn covers(name: &str, variable: &str) -> bool {
    match name.strip_suffix('*') {
        Some(prefix) => variable.starts_with(prefix),
        None => variable == name,
    }
}

/// The parts of a message: the names after `request.` and after the names of other messages.
pub const MESSAGE_PARTS: &[&str] = &[
    "content",
    "event",
    "formparam",
    "formparams",
    "formstring",
    "header",
    "headers",
    "path",
    "queryparam",
    "queryparams",
    "querystring",
    "reason",
    "state",
    "status",
    "transport",
    "transportid",
    "uri",
    "url",
    "verb",
    "version",
];

/// The messages that Apigee creates.
pub const MESSAGES: &[&str] = &["error", "message", "request", "response"];

/// The names after the first part of the built-in variables, for those that are completely known.
pub const BUILT_IN: &[(&str, &[&str])] = &[
    ("apiproxy", &["basepath", "name", "qualifiedname", "revision"]),
    (
        "client",
        &[
            "cn",
            "country",
            "email",
            "host",
            "ip",
            "locality",
            "organization",
            "port",
            "received",
            "resolved",
            "scheme",
            "sent",
            "serial",
            "ssl",
            "state",
            "tls",
        ],
    ),
    ("environment", &["name", "orgname", "qualifiedname"]),
    ("error", MESSAGE_PARTS_OF_ERROR),
    ("fault", &["category", "name", "reason", "subcategory", "type"]),
    ("message", MESSAGE_PARTS),
    ("organization", &["name"]),
    ("proxy", &["basepath", "client", "flow", "name", "pathsuffix", "url"]),
    ("request", MESSAGE_PARTS),
    ("response", MESSAGE_PARTS),
    ("route", &["name", "target", "type"]),
    ("system", &["interface", "pod", "region", "time", "timestamp", "uuid"]),
    (
        "target",
        &[
            "basepath",
            "cn",
            "copy",
            "country",
            "email",
            "evaluated",
            "expectedcn",
            "header",
            "host",
            "ip",
            "locality",
            "name",
            "organization",
            "path",
            "port",
            "received",
            "scheme",
            "sent",
            "ssl",
            "state",
            "url",
            "uri",
        ],
    ),
];

/// An error message also has the part `message`.
const MESSAGE_PARTS_OF_ERROR: &[&str] = &[
    "content",
    "event",
    "header",
    "headers",
    "message",
    "path",
    "querystring",
    "reason",
    "state",
    "status",
    "transport",
    "uri",
    "url",
    "verb",
    "version",
];

/// The values of `fault.name`: the last part of the error codes on Google's pages of the policies and of the runtime.
pub const FAULT_NAMES: &[&str] = &[
    // Quota, SpikeArrest
    "FailedToResolveQuotaIntervalReference",
    "FailedToResolveQuotaIntervalTimeUnitReference",
    "FailedToResolveSpikeArrestRate",
    "InvalidMessageWeight",
    "InvalidQuotaInterval",
    "InvalidQuotaTimeUnit",
    "QuotaViolation",
    "SpikeArrestViolation",
    "StartTimeNotSupported",
    // VerifyAPIKey, OAuthV2
    "access_token_expired",
    "access_token_not_approved",
    "apiresource_doesnot_exist",
    "ApiKeyNotApproved",
    "app_id_not_found",
    "app_not_approved",
    "AppEndUserIdNotFound",
    "CompanyStatusNotActive",
    "consumer_key_expired",
    "consumer_key_missing_api_product_association",
    "DeveloperStatusNotActive",
    "EmptyAppAndEndUserId",
    "ErrorResponseCode",
    "ExpiresInNotApplicableForOperation",
    "FailedToResolveAccessToken",
    "FailedToResolveAPIKey",
    "FailedToResolveAuthorizationCode",
    "FailedToResolveClientId",
    "FailedToResolveRefreshToken",
    "FailedToResolveToken",
    "InsufficientScope",
    "invalid_access_token",
    "invalid_client",
    "invalid_client-app_not_approved",
    "invalid_client-invalid_client_id",
    "invalid_grant",
    "invalid_refresh_token",
    "invalid_request",
    "invalid_request-authorization_code_invalid",
    "invalid_scope",
    "InvalidAccessToken",
    "InvalidAPICallAsNoApiProductMatchFound",
    "InvalidApiKey",
    "InvalidApiKeyForGivenResource",
    "InvalidClientIdentifier",
    "InvalidOperation",
    "InvalidParameter",
    "InvalidTimestamp",
    "missing_token",
    "refresh_token_expired",
    "token_expired",
    "unauthorized_client",
    "unsupported_grant_type",
    "UnSupportedGrantType",
    // BasicAuthentication, HMAC, JWT, JWS
    "AlgorithmInTokenNotPresentInConfiguration",
    "AlgorithmMismatch",
    "ContentIsNotDetached",
    "EmptySecretKey",
    "EmptyVerificationValue",
    "EncryptionFailed",
    "FailedToDecode",
    "FailedToResolveVariable",
    "GenerationFailed",
    "HmacCalculationFailed",
    "HmacVerificationFailed",
    "InsufficientKeyLength",
    "InvalidBasicAuthenticationSource",
    "InvalidClaim",
    "InvalidConfiguration",
    "InvalidCurve",
    "InvalidJsonFormat",
    "InvalidPasswordKey",
    "InvalidPayload",
    "InvalidPrivateKey",
    "InvalidPublicKey",
    "InvalidSecretKey",
    "InvalidSignature",
    "InvalidSourceMessage",
    "InvalidToken",
    "JwtAudienceMismatch",
    "JwtIssuerMismatch",
    "JwtSubjectMismatch",
    "KeyIdMissing",
    "KeyParsingFailed",
    "MissingPayload",
    "NoAlgorithmFoundInHeader",
    "NoMatchingPublicKey",
    "SigningFailed",
    "TokenExpired",
    "TokenNotYetValid",
    "UnhandledCriticalHeader",
    "UnresolvedVariable",
    "WrongKeyType",
    // AssignMessage, ExtractVariables, KeyValueMapOperations, caches
    "EntryCannotBeCached",
    "ExecutionFailed",
    "ImmutableVariable",
    "InvalidCacheContext",
    "InvalidIndex",
    "InvalidJSONPath",
    "JsonPathParsingFailure",
    "KeyIsMissing",
    "NonMessageVariable",
    "NotFound",
    "NullKeyFragment",
    "SetVariableFailed",
    "SourceMessageNotAvailable",
    "SourceUnavailable",
    "UnableToCast",
    "UnresolvedVariable",
    "UnsupportedOperationException",
    "ValueIsMissing",
    "VariableOfNonMsgType",
    // Threat protection, validation
    "Failed",
    "NonMatchingSoapVersion",
    "ThreatDetected",
    // Transformations, scripts
    "InCompatibleTypes",
    "InvalidSourceType",
    "JavaRuntimeException",
    "OutputVariableIsNotAvailable",
    "ScriptEvaluationFailed",
    "ScriptExecutionFailed",
    "ScriptExecutionFailedLineNumber",
    "ScriptSecurityError",
    "UnsupportedEncoding",
    "XSLEvaluationFailed",
    "XSLSourceMessageNotAvailable",
    "XSLVariableResolutionFailed",
    // AccessControl, CORS, others
    "InvalidIPv4Address",
    "IPDeniedAccess",
    "ClientIpExtractionFailed",
    "RaiseFault",
    "RequestVariableNotMessageType",
    "RequestVariableNotRequestMessageType",
    "SharedFlowNotFound",
    // The runtime
    "APITimedOut",
    "ApplicationNotFound",
    "BadFormData",
    "BadPath",
    "BadRequest",
    "DecompressionFailureAtRequest",
    "DecompressionFailureAtResponse",
    "DuplicateHeader",
    "EmptyPath",
    "GatewayTimeout",
    "InternalServerError",
    "LengthRequired",
    "NoActiveTargets",
    "NoRoutesMatched",
    "ProxyTunnelCreationFailed",
    "RequestTimeOut",
    "ResponseWriteError",
    "Response204WithPayload",
    "Response304WithPayload",
    "Response405WithoutAllowHeader",
    "RouteFailed",
    "ServiceUnavailable",
    "SslHandshakeFailed",
    "TargetMissing",
    "TooBigBody",
    "TooBigHeaders",
    "TooBigLine",
    "UnexpectedEOF",
    "UnexpectedEOFAtTarget",
];
