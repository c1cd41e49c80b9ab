//! The schema of the XML of a policy: its elements and attributes, and what each value means.
//!
//! One table for each type of policy, taken from its page in Google's policy reference. It tells whether an element
//! exists, whether Apigee accepts a value, whether a text is a literal or the name of a variable (a literal credential
//! must not be in Git), and which variables a policy reads and sets.

use apigee_flux_model::xml::Node;

/// What a text or an attribute means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// No text is allowed.
    Nothing,
    /// Any text.
    Any,
    /// `true` or `false`.
    Flag,
    /// A whole number.
    Whole,
    /// One of these keywords, in upper or lower case.
    Word(&'static [&'static str]),
    /// The name of a variable that is read.
    Reads,
    /// The name of a variable that is set.
    Writes,
    /// Text with variables in braces.
    Template,
    /// Like [`Meaning::Template`], for elements whose `name` says what the value is, for example headers: the literal
    /// value of a name such as `Authorization` is a credential.
    NamedTemplate,
    /// Text with a `name`, as in [`Meaning::NamedTemplate`], without variables.
    NamedText,
    /// A condition.
    Condition,
    /// A credential, which must be in a variable.
    Secret,
    /// A pattern whose variables in braces are set, for example `/orders/{id}`.
    Pattern,
}

/// An attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attribute {
    /// The name of the attribute.
    pub name: &'static str,
    /// The meaning of its value.
    pub value: Meaning,
}

/// An element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ElementSchema {
    /// The name of the element.
    pub name: &'static str,
    /// The meaning of its text.
    pub text: Meaning,
    /// The attributes of the element.
    pub attributes: &'static [Attribute],
    /// The children of the element.
    pub children: &'static [Self],
    /// Whether any other content is allowed too: it is not checked.
    pub open: bool,
}

/// An attribute.
pub(super) const fn attribute(name: &'static str, value: Meaning) -> Attribute {
    Attribute { name, value }
}

/// An element with a text.
pub(super) const fn text(name: &'static str, text: Meaning) -> ElementSchema {
    ElementSchema { name, text, attributes: &[], children: &[], open: false }
}

/// An element with children.
pub(super) const fn parent(name: &'static str, children: &'static [ElementSchema]) -> ElementSchema {
    ElementSchema { name, text: Meaning::Nothing, attributes: &[], children, open: false }
}

/// An element whose text may also come from the variable in its attribute `ref`.
pub(super) const fn by_ref(name: &'static str, text: Meaning) -> ElementSchema {
    ElementSchema { name, text, attributes: REF, children: &[], open: false }
}

/// An element whose content is not checked.
pub(super) const fn open(name: &'static str) -> ElementSchema {
    ElementSchema { name, text: Meaning::Any, attributes: &[], children: &[], open: true }
}

const REF: &[Attribute] = &[attribute("ref", Meaning::Reads)];

/// `ref` and `type`, which some elements have.
pub(super) const REF_TYPE: &[Attribute] = &[attribute("ref", Meaning::Reads), attribute("type", Meaning::Any)];

impl ElementSchema {
    /// The element with attributes.
    pub(super) const fn with(self, attributes: &'static [Attribute]) -> Self {
        Self { attributes, ..self }
    }

    /// The element with children in addition to its text.
    pub(super) const fn and(self, children: &'static [Self]) -> Self {
        Self { children, ..self }
    }

    /// A child by its name.
    pub fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// An attribute by its name.
    pub fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes.iter().find(|attribute| attribute.name == name)
    }
}

/// The attributes that the root element of every policy may have.
pub const COMMON_ATTRIBUTES: &[Attribute] = &[
    attribute("async", Meaning::Flag),
    attribute("continueOnError", Meaning::Flag),
    attribute("enabled", Meaning::Flag),
    attribute("name", Meaning::Any),
];

/// The children that the root element of every policy may have. Apigee ignores `FaultRules` in a policy.
pub const COMMON_CHILDREN: &[ElementSchema] =
    &[text("Description", Meaning::Any), text("DisplayName", Meaning::Any), open("FaultRules"), PROPERTIES];

/// `<Properties><Property name="…">`.
pub(super) const PROPERTIES: ElementSchema = parent("Properties", &[PROPERTY]);

const PROPERTY: ElementSchema = text("Property", Meaning::NamedText).with(NAMED);

/// The attribute `name`.
pub(super) const NAMED: &[Attribute] = &[attribute("name", Meaning::Any)];

/// `<IgnoreUnresolvedVariables>`.
pub(super) const IGNORE_UNRESOLVED: ElementSchema = text("IgnoreUnresolvedVariables", Meaning::Flag);

/// `<Source>` that names a message or a variable.
pub(super) const SOURCE: ElementSchema = text("Source", Meaning::Reads);

/// `<OutputVariable>`.
pub(super) const OUTPUT_VARIABLE: ElementSchema = text("OutputVariable", Meaning::Writes);

/// `<Headers>`, `<QueryParams>` and `<FormParams>` with values.
const HEADERS: ElementSchema = parent("Headers", &[text("Header", Meaning::NamedTemplate).with(NAMED)]);
const QUERY_PARAMS: ElementSchema = parent("QueryParams", &[text("QueryParam", Meaning::NamedTemplate).with(NAMED)]);
const FORM_PARAMS: ElementSchema = parent("FormParams", &[text("FormParam", Meaning::NamedTemplate).with(NAMED)]);

/// The payload may itself be XML.
const PAYLOAD: ElementSchema = ElementSchema {
    name: "Payload",
    text: Meaning::Template,
    attributes: &[
        attribute("contentType", Meaning::Template),
        attribute("variablePrefix", Meaning::Any),
        attribute("variableSuffix", Meaning::Any),
    ],
    children: &[],
    open: true,
};

/// What `<Add>` adds.
pub(super) const ADD: ElementSchema = parent("Add", &[HEADERS, QUERY_PARAMS, FORM_PARAMS]);

/// What `<Set>` sets.
pub(super) const SET: ElementSchema = parent("Set", SET_PARTS);

/// The parts that `<Set>` may set.
pub(super) const SET_PARTS: &[ElementSchema] = &[
    HEADERS,
    QUERY_PARAMS,
    FORM_PARAMS,
    PAYLOAD,
    text("Path", Meaning::Template),
    text("ReasonPhrase", Meaning::Template),
    text("StatusCode", Meaning::Template),
    text("Verb", Meaning::Template),
    text("Version", Meaning::Template),
    AUTHENTICATION,
];

/// The parts that `<Copy>` copies and `<Remove>` removes, by name or as a whole.
pub(super) const NAMED_PARTS: &[ElementSchema] = &[
    parent("Headers", &[text("Header", Meaning::Flag).with(NAMED)]),
    parent("QueryParams", &[text("QueryParam", Meaning::Flag).with(NAMED)]),
    parent("FormParams", &[text("FormParam", Meaning::Flag).with(NAMED)]),
    text("Path", Meaning::Flag),
    text("Payload", Meaning::Flag),
    text("ReasonPhrase", Meaning::Flag),
    text("StatusCode", Meaning::Flag),
    text("Verb", Meaning::Flag),
    text("Version", Meaning::Flag),
];

/// `<Copy source="…">`.
pub(super) const COPY: ElementSchema = parent("Copy", NAMED_PARTS).with(&[attribute("source", Meaning::Reads)]);

/// `<Remove>`.
pub(super) const REMOVE: ElementSchema = parent("Remove", NAMED_PARTS);

/// `<AssignTo>` of a message.
pub(super) const ASSIGN_TO: ElementSchema = text("AssignTo", Meaning::Writes).with(&[
    attribute("createNew", Meaning::Flag),
    attribute("transport", Meaning::Any),
    attribute("type", Meaning::Word(&["request", "response"])),
]);

/// `<AssignVariable>`.
pub(super) const ASSIGN_VARIABLE: ElementSchema = parent(
    "AssignVariable",
    &[
        text("Name", Meaning::Writes),
        text("PropertySetRef", Meaning::Template),
        text("Ref", Meaning::Reads),
        text("ResourceURL", Meaning::Any),
        text("Template", Meaning::NamedTemplate).with(REF),
        text("Value", Meaning::NamedText),
    ],
);

/// `<Authentication>` with a Google credential.
pub(super) const AUTHENTICATION: ElementSchema = parent(
    "Authentication",
    &[
        text("HeaderName", Meaning::Template).with(REF),
        parent(
            "GoogleAccessToken",
            &[parent("Scopes", &[text("Scope", Meaning::Any)]), text("LifetimeInSeconds", Meaning::Whole).with(REF)],
        ),
        parent(
            "GoogleIDToken",
            &[
                text("Audience", Meaning::Any).with(&[
                    attribute("ref", Meaning::Reads),
                    attribute("useTargetUrl", Meaning::Flag),
                    attribute("useTargetHost", Meaning::Flag),
                ]),
                text("IncludeEmail", Meaning::Flag).with(REF),
            ],
        ),
    ],
);

/// `<SSLInfo>` of a connection. Its texts may be templates or references.
pub(super) const SSL_INFO: ElementSchema = parent(
    "SSLInfo",
    &[
        parent("Ciphers", &[text("Cipher", Meaning::Any)]),
        text("ClientAuthEnabled", Meaning::Template),
        text("CommonName", Meaning::Template).with(&[attribute("wildcardMatch", Meaning::Flag)]),
        text("CRLStore", Meaning::Template),
        text("Enabled", Meaning::Template),
        text("Enforce", Meaning::Template),
        text("IgnoreValidationErrors", Meaning::Template),
        text("KeyAlias", Meaning::Template),
        text("KeyStore", Meaning::Template),
        parent("Protocols", &[text("Protocol", Meaning::Any)]),
        text("TrustStore", Meaning::Template),
    ],
);

/// `<LocalTargetConnection>`.
pub(super) const LOCAL_TARGET: ElementSchema = parent(
    "LocalTargetConnection",
    &[text("APIProxy", Meaning::Template), text("Path", Meaning::Template), text("ProxyEndpoint", Meaning::Template)],
);

/// `<CacheKey>`.
pub(super) const CACHE_KEY: ElementSchema =
    parent("CacheKey", &[text("KeyFragment", Meaning::Any).with(REF_TYPE), text("Prefix", Meaning::Any)]);

/// The scopes of a cache.
pub(super) const CACHE_SCOPE: ElementSchema =
    text("Scope", Meaning::Word(&["Global", "Application", "Proxy", "Target", "Exclusive"]));

/// `<ExpirySettings>`. `TimeoutInSec` is the older spelling.
pub(super) const EXPIRY_SETTINGS: ElementSchema = parent(
    "ExpirySettings",
    &[
        by_ref("ExpiryDate", Meaning::Any),
        by_ref("TimeOfDay", Meaning::Any),
        by_ref("TimeoutInSec", Meaning::Any),
        by_ref("TimeoutInSeconds", Meaning::Any),
    ],
);

/// `<Pattern>` whose variables are set.
pub(super) const CAPTURE: ElementSchema =
    text("Pattern", Meaning::Pattern).with(&[attribute("ignoreCase", Meaning::Flag)]);

/// `<Namespaces>`.
pub(super) const NAMESPACES: ElementSchema =
    parent("Namespaces", &[text("Namespace", Meaning::Any).with(&[attribute("prefix", Meaning::Any)])]);

/// A counter's `<Allow>`, `<Interval>` and `<TimeUnit>` by a variable or as a literal.
pub(super) const INTERVAL: ElementSchema = by_ref("Interval", Meaning::Any);
/// See [`INTERVAL`].
pub(super) const TIME_UNIT: ElementSchema = by_ref("TimeUnit", Meaning::Any);

/// A key of a JWT or JWS: its value comes from a variable.
pub(super) const fn key(name: &'static str, children: &'static [ElementSchema]) -> ElementSchema {
    const ENCODING: &[Attribute] =
        &[attribute("encoding", Meaning::Word(&["hex", "base16", "base64", "base64url", "utf-8", "utf8"]))];
    parent(name, children).with(ENCODING)
}

/// The parts of a secret key or a private key.
pub(super) const SECRET_KEY_PARTS: &[ElementSchema] = &[
    by_ref("Id", Meaning::Any),
    by_ref("Password", Meaning::Secret),
    text("PBKDF2Iterations", Meaning::Whole),
    text("SaltLength", Meaning::Whole),
    text("Value", Meaning::Secret).with(&[attribute("ref", Meaning::Reads), attribute("encoding", Meaning::Any)]),
];

/// The parts of a public key, which is not a secret.
pub(super) const PUBLIC_KEY_PARTS: &[ElementSchema] = &[
    by_ref("Certificate", Meaning::Any),
    by_ref("Id", Meaning::Any),
    text("JWKS", Meaning::Any).with(&[
        attribute("ref", Meaning::Reads),
        attribute("uri", Meaning::Any),
        attribute("uriRef", Meaning::Reads),
    ]),
    by_ref("Value", Meaning::Any),
];

/// A claim or a header of a JWT.
pub(super) const CLAIM: ElementSchema = text("Claim", Meaning::Any).with(&[
    attribute("array", Meaning::Flag),
    attribute("name", Meaning::Any),
    attribute("ref", Meaning::Reads),
    attribute("type", Meaning::Any),
]);

/// Claims and headers beyond the registered ones.
pub(super) const ADDITIONAL_CLAIMS: ElementSchema = parent("AdditionalClaims", &[CLAIM]).with(REF);
/// See [`ADDITIONAL_CLAIMS`].
pub(super) const ADDITIONAL_HEADERS: ElementSchema = parent("AdditionalHeaders", &[CLAIM]).with(REF);

/// The algorithms of an encrypted JWT.
pub(super) const ALGORITHMS: ElementSchema =
    parent("Algorithms", &[text("Content", Meaning::Any), text("Key", Meaning::Any)]);

/// The schema element for a node of a policy, from the root down; `None` if the schema does not contain it or does not
/// check it.
pub fn shape_of(node: Node<'_, '_>, root: &'static ElementSchema) -> Option<&'static ElementSchema> {
    let Some(above) = node.parent_element() else { return Some(root) };
    let above = shape_of(above, root)?;
    let name = node.tag_name().name();
    let common = (above == root).then(|| COMMON_CHILDREN.iter().find(|child| child.name == name)).flatten();
    above.child(name).or(common)
}
