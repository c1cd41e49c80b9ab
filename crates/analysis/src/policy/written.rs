//! The schemas of the types that only users write, from Google's policy reference, sorted by element.

use super::schema::{
    ADDITIONAL_CLAIMS, ADDITIONAL_HEADERS, ALGORITHMS, AUTHENTICATION, Attribute, CACHE_KEY, CACHE_SCOPE, CAPTURE,
    CLAIM, EXPIRY_SETTINGS, ElementSchema, IGNORE_UNRESOLVED, Meaning, NAMED, NAMESPACES, OUTPUT_VARIABLE,
    PUBLIC_KEY_PARTS, REF_TYPE, SECRET_KEY_PARTS, SOURCE, attribute, by_ref, key, open, parent, text,
};

const ACTION: &[&str] = &["ALLOW", "DENY"];

pub(super) const ACCESS_CONTROL: ElementSchema = parent(
    "AccessControl",
    &[
        text("ClientIPVariable", Meaning::Reads),
        text("IgnoreTrueClientIPHeader", Meaning::Flag),
        parent(
            "IPRules",
            &[parent(
                "MatchRule",
                &[text("SourceAddress", Meaning::Template).with(&[attribute("mask", Meaning::Template)])],
            )
            .with(&[attribute("action", Meaning::Word(ACTION))])],
        )
        .with(&[attribute("noRuleMatchAction", Meaning::Word(ACTION))]),
        text(
            "ValidateBasedOn",
            Meaning::Word(&["X_FORWARDED_FOR_ALL_IP", "X_FORWARDED_FOR_FIRST_IP", "X_FORWARDED_FOR_LAST_IP"]),
        ),
    ],
);

pub(super) const ACCESS_ENTITY: ElementSchema = parent(
    "AccessEntity",
    &[
        text("EntityIdentifier", Meaning::Any).with(REF_TYPE),
        text("EntityType", Meaning::Any).with(&[attribute("value", Meaning::Any)]),
        text("OutputFormat", Meaning::Word(&["XML", "JSON"])),
        text("SecondaryIdentifier", Meaning::Any).with(REF_TYPE),
    ],
);

pub(super) const ASSERT_CONDITION: ElementSchema = parent("AssertCondition", &[text("Condition", Meaning::Condition)]);

pub(super) const DATA_CAPTURE: ElementSchema = parent(
    "DataCapture",
    &[
        parent(
            "Capture",
            &[
                parent(
                    "Collect",
                    &[
                        parent("FormParam", &[CAPTURE]).with(NAMED),
                        parent("Header", &[CAPTURE]).with(NAMED),
                        parent("JSONPayload", &[text("JSONPath", Meaning::Any)]),
                        parent("QueryParam", &[CAPTURE]).with(NAMED),
                        SOURCE,
                        parent("URIPath", &[CAPTURE]),
                        parent("Variable", &[CAPTURE]).with(&[attribute("name", Meaning::Reads)]),
                        parent("XMLPayload", &[NAMESPACES, text("XPath", Meaning::Any)]),
                    ],
                )
                .with(&[attribute("default", Meaning::Any), attribute("ref", Meaning::Reads)]),
                text("DataCollector", Meaning::Any)
                    .with(&[attribute("scope", Meaning::Any), attribute("type", Meaning::Any)]),
            ],
        ),
        IGNORE_UNRESOLVED,
        text("ThrowExceptionOnLimit", Meaning::Flag),
    ],
);

pub(super) const DECODE_JWS: ElementSchema =
    parent("DecodeJWS", &[text("DetachedContent", Meaning::Reads), IGNORE_UNRESOLVED, SOURCE]);

pub(super) const DECODE_JWT: ElementSchema = parent("DecodeJWT", &[IGNORE_UNRESOLVED, SOURCE]);

pub(super) const DELETE_OAUTH_V2_INFO: ElementSchema = parent(
    "DeleteOAuthV2Info",
    &[
        by_ref("AccessToken", Meaning::Reads),
        by_ref("AuthorizationCode", Meaning::Reads),
        by_ref("RefreshToken", Meaning::Reads),
    ],
);

pub(super) const EXTERNAL_CALLOUT: ElementSchema = parent(
    "ExternalCallout",
    &[
        parent(
            "Configurations",
            &[text("FlowVariable", Meaning::Any), text("Property", Meaning::NamedText).with(NAMED)],
        ),
        parent("GrpcConnection", &[AUTHENTICATION, text("Server", Meaning::Any).with(NAMED)]),
        text("TimeoutMs", Meaning::Whole),
    ],
);

const ID: ElementSchema = text("Id", Meaning::Any).with(REF_TYPE);

pub(super) const GENERATE_JWS: ElementSchema = parent(
    "GenerateJWS",
    &[
        ADDITIONAL_HEADERS,
        text("Algorithm", Meaning::Any),
        by_ref("CriticalHeaders", Meaning::Any),
        text("DetachContent", Meaning::Flag),
        IGNORE_UNRESOLVED,
        OUTPUT_VARIABLE,
        by_ref("Payload", Meaning::Template),
        key("PrivateKey", SECRET_KEY_PARTS),
        key("SecretKey", SECRET_KEY_PARTS),
        text("Type", Meaning::Any),
    ],
);

pub(super) const GENERATE_JWT: ElementSchema = parent(
    "GenerateJWT",
    &[
        ADDITIONAL_CLAIMS,
        ADDITIONAL_HEADERS,
        text("Algorithm", Meaning::Any),
        ALGORITHMS,
        by_ref("Audience", Meaning::Any),
        text("Compress", Meaning::Flag),
        by_ref("CriticalHeaders", Meaning::Any),
        key("DirectKey", SECRET_KEY_PARTS),
        by_ref("ExpiresIn", Meaning::Any),
        ID,
        IGNORE_UNRESOLVED,
        by_ref("Issuer", Meaning::Any),
        by_ref("NotBefore", Meaning::Any),
        OUTPUT_VARIABLE,
        key("PasswordKey", SECRET_KEY_PARTS),
        key("PrivateKey", SECRET_KEY_PARTS),
        key("PublicKey", PUBLIC_KEY_PARTS),
        key("SecretKey", SECRET_KEY_PARTS),
        by_ref("Subject", Meaning::Any),
        text("Type", Meaning::Any),
    ],
);

const SAML_STORE: ElementSchema = parent("KeyStore", &[by_ref("Alias", Meaning::Any), by_ref("Name", Meaning::Any)]);
const CONTENT_TYPE: &[Attribute] = &[attribute("ignoreContentType", Meaning::Flag)];

pub(super) const GENERATE_SAML_ASSERTION: ElementSchema = parent(
    "GenerateSAMLAssertion",
    &[
        open("CanonicalizationAlgorithm"),
        open("DigestMethod"),
        by_ref("Issuer", Meaning::Any),
        SAML_STORE,
        parent(
            "OutputVariable",
            &[
                text("FlowVariable", Meaning::Writes),
                parent("Message", &[NAMESPACES, text("XPath", Meaning::Any)]).with(NAMED),
            ],
        ),
        text("SignatureAlgorithm", Meaning::Any),
        by_ref("Subject", Meaning::Any),
        open("Template").with(&[attribute("ignoreUnresolvedVariables", Meaning::Flag)]),
    ],
)
.with(CONTENT_TYPE);

pub(super) const GET_OAUTH_V2_INFO: ElementSchema = parent(
    "GetOAuthV2Info",
    &[
        by_ref("AccessToken", Meaning::Reads),
        by_ref("AppEndUser", Meaning::Reads),
        by_ref("AuthorizationCode", Meaning::Reads),
        by_ref("ClientId", Meaning::Reads),
        text("IgnoreAccessTokenStatus", Meaning::Flag),
        by_ref("RefreshToken", Meaning::Reads),
    ],
);

pub(super) const INTEGRATION_CALLOUT: ElementSchema = parent(
    "IntegrationCallout",
    &[
        text("AsyncExecution", Meaning::Flag),
        IGNORE_UNRESOLVED,
        text("Request", Meaning::Reads).with(&[attribute("clearPayload", Meaning::Flag)]),
        text("Response", Meaning::Writes),
    ],
);

pub(super) const INVALIDATE_CACHE: ElementSchema = parent(
    "InvalidateCache",
    &[
        CACHE_KEY,
        text("CacheResource", Meaning::Any),
        text("PurgeChildEntries", Meaning::Flag),
        CACHE_SCOPE,
        text("CacheContext", Meaning::Any).and(&[
            text("APIProxyName", Meaning::Any),
            text("ProxyName", Meaning::Any),
            text("TargetName", Meaning::Any),
        ]),
    ],
);

pub(super) const JAVA_CALLOUT: ElementSchema =
    parent("JavaCallout", &[text("ClassName", Meaning::Any), text("ResourceURL", Meaning::Any)]);

pub(super) const LDAP: ElementSchema = ElementSchema { open: true, ..parent("Ldap", &[]) };

pub(super) const LOOKUP_CACHE: ElementSchema = parent(
    "LookupCache",
    &[
        text("AssignTo", Meaning::Writes),
        CACHE_KEY,
        text("CacheLookupTimeoutInSeconds", Meaning::Any),
        text("CacheResource", Meaning::Any),
        CACHE_SCOPE,
    ],
);

pub(super) const MESSAGE_VALIDATION: ElementSchema = parent(
    "MessageValidation",
    &[
        text("Element", Meaning::Any).with(&[attribute("namespace", Meaning::Any)]),
        text("ResourceURL", Meaning::Any),
        text("SOAPMessage", Meaning::Any).with(&[attribute("version", Meaning::Any)]),
        SOURCE,
    ],
);

pub(super) const MONETIZATION_LIMITS_CHECK: ElementSchema =
    parent("MonetizationLimitsCheck", &[open("FaultResponse"), IGNORE_UNRESOLVED, open("Variables")]);

pub(super) const PARSE_DIALOGFLOW_REQUEST: ElementSchema =
    ElementSchema { open: true, ..parent("ParseDialogflowRequest", &[]) };

pub(super) const PARSE_PAYLOAD: ElementSchema = parent(
    "ParsePayload",
    &[IGNORE_UNRESOLVED, text("PayloadType", Meaning::Any), text("Protocol", Meaning::Any), SOURCE],
);

pub(super) const POPULATE_CACHE: ElementSchema = parent(
    "PopulateCache",
    &[
        CACHE_KEY,
        text("CacheResource", Meaning::Any),
        EXPIRY_SETTINGS,
        text("ExcludeErrorResponse", Meaning::Flag),
        CACHE_SCOPE,
        SOURCE,
    ],
);

pub(super) const PUBLISH_MESSAGE: ElementSchema = parent(
    "PublishMessage",
    &[
        parent("Attributes", &[text("Attribute", Meaning::Template).with(NAMED)]),
        parent(
            "CloudPubSub",
            &[
                text("Topic", Meaning::Template),
                parent("Attributes", &[text("Attribute", Meaning::Template).with(NAMED)]),
            ],
        ),
        IGNORE_UNRESOLVED,
        text("Source", Meaning::Template),
        text("UseMessageAttributes", Meaning::Flag),
    ],
);

pub(super) const READ_PROPERTY_SET: ElementSchema = parent(
    "ReadPropertySet",
    &[
        parent(
            "Read",
            &[
                text("AssignTo", Meaning::Writes),
                by_ref("Key", Meaning::Any),
                by_ref("Name", Meaning::Any),
                text("DefaultValue", Meaning::Any),
                text("Transform", Meaning::Any),
            ],
        ),
        IGNORE_UNRESOLVED,
    ],
);

pub(super) const RESET_QUOTA: ElementSchema = parent(
    "ResetQuota",
    &[parent(
        "Quota",
        &[
            parent("Identifier", &[by_ref("Allow", Meaning::Any)])
                .with(&[attribute("name", Meaning::Any), attribute("ref", Meaning::Reads)]),
            text("Class", Meaning::Any)
                .with(&[attribute("name", Meaning::Any), attribute("ref", Meaning::Reads)])
                .and(&[by_ref("Allow", Meaning::Any)]),
        ],
    )
    .with(&[attribute("name", Meaning::Any), attribute("ref", Meaning::Reads)])],
);

pub(super) const REVOKE_OAUTH_V2: ElementSchema = parent(
    "RevokeOAuthV2",
    &[
        by_ref("AppId", Meaning::Any),
        text("Cascade", Meaning::Flag),
        by_ref("EndUserId", Meaning::Any),
        by_ref("RevokeBeforeTimestamp", Meaning::Any),
    ],
);

pub(super) const SCRIPT: ElementSchema =
    parent("Script", &[text("IncludeURL", Meaning::Any), text("ResourceURL", Meaning::Any)])
        .with(&[attribute("timeLimit", Meaning::Whole)]);

pub(super) const SET_DIALOGFLOW_RESPONSE: ElementSchema =
    ElementSchema { open: true, ..parent("SetDialogflowResponse", &[]) };

pub(super) const SET_OAUTH_V2_INFO: ElementSchema = parent(
    "SetOAuthV2Info",
    &[by_ref("AccessToken", Meaning::Reads), parent("Attributes", &[super::oauth_v2::ATTRIBUTE])],
);

pub(super) const TRACE_CAPTURE: ElementSchema = parent(
    "TraceCapture",
    &[
        IGNORE_UNRESOLVED,
        text("ThrowExceptionOnLimit", Meaning::Flag),
        parent(
            "Variables",
            &[text("Variable", Meaning::Any)
                .with(&[attribute("name", Meaning::Any), attribute("ref", Meaning::Reads)])],
        ),
    ],
);

pub(super) const VALIDATE_SAML_ASSERTION: ElementSchema = parent(
    "ValidateSAMLAssertion",
    &[
        text("RemoveAssertion", Meaning::Flag),
        parent(
            "Source",
            &[
                text("AssertionXPath", Meaning::Any),
                NAMESPACES,
                text("SignedElementXPath", Meaning::Any),
                text("XPath", Meaning::Any),
            ],
        )
        .with(&[attribute("name", Meaning::Reads)]),
        by_ref("TrustStore", Meaning::Any),
    ],
)
.with(CONTENT_TYPE);

pub(super) const VERIFY_IAM: ElementSchema =
    parent("VerifyIAM", &[text("CredentialSource", Meaning::Reads).with(REF_TYPE), IGNORE_UNRESOLVED]);

pub(super) const VERIFY_JWS: ElementSchema = parent(
    "VerifyJWS",
    &[
        parent("AdditionalHeaders", &[CLAIM]),
        ADDITIONAL_CLAIMS,
        text("Algorithm", Meaning::Any),
        by_ref("Audience", Meaning::Any),
        by_ref("CacheExpiryInSeconds", Meaning::Any),
        text("DetachedContent", Meaning::Reads),
        text("IgnoreCriticalHeaders", Meaning::Flag),
        IGNORE_UNRESOLVED,
        by_ref("Issuer", Meaning::Any),
        by_ref("KnownHeaders", Meaning::Any),
        key("PrivateKey", SECRET_KEY_PARTS),
        key("PublicKey", PUBLIC_KEY_PARTS),
        key("SecretKey", SECRET_KEY_PARTS),
        SOURCE,
        by_ref("Subject", Meaning::Any),
        text("Type", Meaning::Any),
    ],
);
