//! The codes of all diagnostics: one list, from which the documentation is generated.

use std::fmt;

macro_rules! codes {
    ($( $(#[doc = $doc:literal])+ $name:ident = $text:literal, )+) => {
        /// A stable code, printed in brackets with a message.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code { $( $(#[doc = $doc])+ $name, )+ }

        impl Code {
            /// All codes in order.
            pub const ALL: &'static [Self] = &[ $( Self::$name, )+ ];

            /// The code as printed.
            pub const fn as_str(self) -> &'static str {
                match self { $( Self::$name => $text, )+ }
            }

            /// What the code means and how to fix it: a paragraph for the documentation.
            pub fn doc(self) -> String {
                let lines: &[&str] = match self { $( Self::$name => &[$($doc),+], )+ };
                lines.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ")
            }
        }
    };
}

codes! {
    /// The input is not valid YAML. Nothing can be expanded until it is fixed.
    MalformedYaml = "AF001",
    /// The input has `kind: ResourceList`, but its form is wrong: `items` must be a list of resources.
    NotAResourceList = "AF002",
    /// An item lacks `apiVersion`, `kind` or `metadata.name`.
    MissingIdentity = "AF003",
    /// The kind has the API group `apigeeflux.dev`, but this version of the program does not support it.
    UnknownKind = "AF004",
    /// The API group is `apigeeflux.dev`, but this version of the program does not support the API version: only `v1alpha1` is supported.
    UnknownVersion = "AF005",
    /// The functionConfig is neither a ConfigMap, an `ExpandApigee` or a `CheckApigee`, nor a kind of `apigeeflux.dev`.
    WrongFunctionConfig = "AF006",
    /// More than one resource has the same kind, namespace and name.
    DuplicateResource = "AF007",
    /// The input contains outputs of an earlier run and no spec: it has already been rendered.
    AlreadyRendered = "AF008",
    /// The input contains no resource of `apigeeflux.dev`, so there is nothing to expand.
    NothingToExpand = "AF009",
    /// The field is unknown in this place.
    UnknownField = "AF010",
    /// The value does not have the type of the field, or is not one of the allowed values.
    WrongType = "AF011",
    /// A required field is missing.
    MissingField = "AF012",
    /// The value has the right type, but its form is invalid.
    InvalidValue = "AF013",
    /// Two fields conflict with each other, or a field requires another one.
    ConflictingFields = "AF014",
    /// The input exceeds a limit that keeps a small file from taking minutes or all memory: its size, the size that its aliases expand
    /// to, the depth of its nesting, or the size of the output. The message names the limit.
    InputTooLarge = "AF015",
    /// A file or the input is not UTF-8, the encoding of YAML in Kubernetes. Editors and PowerShell on Windows may write UTF-16.
    NotUtf8 = "AF016",
    /// There are too many findings to show; only the first ones are shown.
    TooManyFindings = "AF017",
    /// The metadata of a spec is shared, by an anchor, with a resource that is not managed by apigee-flux. Marking the spec as local
    /// configuration would also keep the other resource out of the cluster.
    SharedMetadata = "AF018",
    /// A bundle, or the input of a generator, contains nothing that can be deployed.
    NothingToDeploy = "AF019",
    /// A credential is in the spec. Do not store credentials in Git: refer to a Secret.
    InlineCredential = "AF020",
    /// `valueFrom.file` names a file outside the folders for secrets. These are `/secrets-store`, where a `secretProviderClass` is
    /// mounted, `/vault/secrets`, where Vault's agent writes, and the folders in `spec.deployer.secretFolders` of the ApigeeEnvironment.
    /// All other files of the pod, such as its tokens, are not allowed.
    SecretOutside = "AF021",
    /// `spec.endpoint` is a host that is neither Google's nor this machine. The deployer's token would be sent to it.
    ForeignEndpoint = "AF022",
    /// A name, namespace, label or annotation of a Kubernetes object is not valid in Kubernetes.
    InvalidName = "AF023",
    /// The input contains no ApigeeEnvironment, or none with a name that the proxy asks for.
    MissingEnvironment = "AF030",
    /// Two proxies have the same base path in one environment: Apigee would reject the second one.
    DuplicateBasePath = "AF031",
    /// Two resources would get the same name in Kubernetes or in Apigee.
    NameCollision = "AF032",
    /// The name of an object to generate is used by a resource that is not managed by apigee-flux.
    NameTaken = "AF033",
    /// `$(values.NAME)` names a value that the ApigeeEnvironments do not define, or for which they define different values.
    UnknownValue = "AF034",
    /// `from` names a resource or a field that is not in the input.
    UnresolvedReference = "AF035",
    /// Two ApigeeProfiles with the same priority set different values for one field of a proxy.
    ProfileConflict = "AF036",
    /// An ApigeeProfile selects no proxy.
    UnusedProfile = "AF037",
    /// An object to render is so large that a client-side `kubectl apply` cannot store it: the whole object is in one of its annotations, which
    /// may have 256 KiB. Bundles, configuration and lists of Jobs are split; what is left, such as the list of all Secrets of a namespace, cannot be.
    ObjectTooLarge = "AF038",
    /// A spec refers to something that is not in the input: a proxy, a keystore, a product. If it is managed elsewhere, list it in
    /// `spec.external`.
    UnknownName = "AF039",
    /// The ConfigMap that contains the bundle is not in the input.
    MissingConfigMap = "AF040",
    /// The raw bundle cannot be read: for example, the zip file is invalid, or a key does not give a path.
    UnreadableBundle = "AF041",
    /// The name of a file in a bundle is not allowed: it is absolute or leads out of the bundle's folder.
    UnsafePath = "AF042",
    /// The XML files at the top of the bundle contain no `<APIProxy>`, or more than one.
    MissingRootXml = "AF043",
    /// An XML file is not well-formed, or has a document type definition, which Apigee does not need and parsers must not follow.
    MalformedXml = "AF044",
    /// The bundle is larger than Apigee's limit of 15 MB.
    BundleTooLarge = "AF045",
    /// Two paths of a bundle differ only in upper and lower case.
    CaseCollision = "AF046",
    /// A step names a policy that does not exist.
    MissingPolicy = "AF050",
    /// A policy is defined, but no step uses it.
    UnattachedPolicy = "AF051",
    /// A route names a target that does not exist.
    MissingTarget = "AF052",
    /// Routes are tried in order. A route without a condition must be the last one, and there must be one: otherwise requests that match
    /// no route fail.
    UnreachableRoute = "AF053",
    /// A called shared flow is not in the input or is not deployed to the environment, but one with a similar name is.
    MissingSharedFlow = "AF054",
    /// Shared flows call each other in a cycle: none of them can be deployed first.
    SharedFlowCircle = "AF055",
    /// The OpenAPI document requires credentials, but the proxy does not verify any: everybody can call its operations. Write `security`;
    /// `security: none`, for the proxy or for one operation, states that it is intended to be public.
    OpenOperations = "AF056",
    /// A file outside the resource could not be read.
    UnreadableFile = "AF060",
    /// A symbolic link leads out of the folder that is read. A linked folder is skipped; a linked file is an error without a code,
    /// because then nothing can be read.
    LinkOutside = "AF061",
    /// The rate of a SpikeArrest is invalid. Apigee accepts a whole number with `ps` (per second) or `pm` (per minute), or a variable in
    /// braces; the attribute `ref` may name a variable that contains one.
    InvalidRate = "AF070",
    /// A Quota or LLMTokenQuota has an invalid count, interval or time unit. Counts and intervals are whole numbers; units are `minute`,
    /// `hour`, `day`, `week` and `month`.
    InvalidQuota = "AF071",
    /// A quota counts for a consumer that is unknown where it runs: the step that verifies the credential is missing, runs later, or
    /// verifies a credential that belongs to no API product.
    QuotaWithoutConsumer = "AF072",
    /// CORS does not answer every preflight. Browsers send a preflight without credentials, so a step that verifies credentials must not
    /// run before the CORS policy, and a condition must not exclude preflights.
    LateCors = "AF073",
    /// A path pattern matches no request, or other requests than its author intended. In MatchesPath, `*` and `{id}` match one segment
    /// and `**` one or more; `:id` is plain text, and `%` escapes the next character, so `%20` matches `20`. For other operators, `{id}`
    /// is plain text. A query is not part of a path.
    DeadPattern = "AF074",
    /// Flows are tried in order, and only the first one that matches runs. A flow never runs if an earlier flow matches all of its
    /// requests.
    UnreachableFlow = "AF075",
    /// A condition is invalid: Apigee cannot read it. The reported character is counted from the start of the condition.
    InvalidCondition = "AF076",
    /// A condition is never true, for example because it requires two methods at the same time.
    ContradictoryCondition = "AF077",
    /// A policy refers to a file that is not in the bundle: a script, a stylesheet, a document, a property set. The environment or the
    /// organization may have it; their files are unknown here.
    MissingResource = "AF078",
    /// Nothing refers to a file of the bundle. It is uploaded with every revision.
    UnusedResource = "AF079",
    /// A cached response may be served to another consumer: the cache key does not distinguish consumers, or the cache responds before
    /// the credential is verified.
    SharedCache = "AF080",
    /// A ResponseCache is attached to only one of request and response: on the request it looks up a response, on the response it stores
    /// one.
    HalfCache = "AF081",
    /// A RaiseFault policy inside a fault rule ends the rule and starts fault handling again: the effects of other rules and of the
    /// default rule are lost.
    RaiseInFaultRule = "AF082",
    /// A connection to a backend is not protected: TLS is off or not enforced, or the certificate is not validated.
    WeakTls = "AF083",
    /// A proxy endpoint has no base path, more than one, or an invalid one.
    InvalidBasePath = "AF084",
    /// A bundle exceeds a limit on Apigee's page "Limits", or has so many flows with wildcards that the check cannot compare each of them
    /// with all earlier flows.
    LimitExceeded = "AF085",
    /// The name of a file differs from the name inside it, or Apigee does not accept a name.
    WrongFileName = "AF086",
    /// The root element of a policy is not the type of a policy of Apigee.
    UnknownPolicy = "AF087",
    /// One extensible policy makes the whole proxy extensible: it requires an intermediate or comprehensive environment and may cost
    /// more. `spec.deploy.allowExtensible: false` forbids it.
    ExtensibleProxy = "AF088",
    /// A segment of an operation's path is a placeholder of another framework, such as `:id`. In Apigee it is plain text: write `{id}`.
    ForeignPlaceholder = "AF090",
    /// An operation's path repeats the base path. The path is already relative to the base path, so a client would have to send the base
    /// path twice.
    RepeatedBasePath = "AF091",
    /// An operation's path ends in a slash, which is significant: a request without it matches another operation or none.
    TrailingSlash = "AF092",
    /// Streaming does not work. Apigee streams a body only if both the ProxyEndpoint and the TargetEndpoint have the property
    /// `request.streaming.enabled` or `response.streaming.enabled`. A policy cannot read a streamed body. An EventFlow requires a
    /// streamed response.
    Streaming = "AF093",
    /// Java cannot compile a regular expression. Apigee uses the syntax of `java.util.regex.Pattern`.
    InvalidRegex = "AF094",
    /// The algorithms of a JWT or JWS policy need different kinds of keys, or the policy has a key of another kind. HS algorithms need a
    /// SecretKey, RS and PS algorithms an RSA key, ES algorithms an elliptic curve key.
    WrongKeyKind = "AF095",
    /// A log that is written after the response reads a variable `response.…`, which is empty for every failed request. `message.…` is
    /// the response or the error message.
    EmptyOnError = "AF096",
    /// A CORS policy lists an origin that never matches, or does not allow a method that a flow matches. Apigee compares whole origins;
    /// browsers send the scheme, the host and the port, without a path.
    CorsMismatch = "AF097",
    /// The health check of a load balancer has more than one status code. Apigee uses only one.
    SeveralResponseCodes = "AF098",
    /// A variable is read before it can exist or after it was removed: a response in the request flow, the result of a credential check
    /// before it ran, a header that an earlier step removed. Apigee reads an empty value and reports no error.
    UnavailableVariable = "AF100",
    /// Apigee does not have a variable with this name: it is misspelt, or in braces where none are allowed. Apigee reads an empty value
    /// and reports no error.
    UnknownVariable = "AF101",
    /// A policy has an element, an attribute or a value that its schema does not allow, or an endpoint has a property that Apigee does
    /// not support. Apigee ignores most of them.
    PolicySchema = "AF102",
    /// Apigee rejects the import or the deployment of the policy. The message includes Apigee's name of the error, if its pages list one.
    DeploymentError = "AF103",
    /// A condition compares `fault.name` with a name that no fault has. It is never true.
    UnknownFaultName = "AF104",
    /// The right side of a comparison is not in quotes: Apigee reads it as the name of a variable that is not set.
    UnquotedText = "AF105",
    /// A template names a variable in the syntax of another template language, such as `${x}` or `{{x}}`. Apigee's syntax is `{x}`.
    TemplateSyntax = "AF106",
    /// A policy sets a part that the message does not have in this place, such as the status code of a request. Apigee ignores it.
    IneffectivePart = "AF107",
    /// A condition in a response flow tests for an error status. An error of the target is a fault: fault rules run, and the response
    /// flow does not.
    ErrorInResponseFlow = "AF108",
    /// A shared flow is undeployed or deleted while a proxy or another shared flow still calls it.
    SharedFlowInUse = "AF109",
    /// A proxy is removed, and a proxy with another name takes its base path. Apigee serves a base path by one proxy, so requests fail from the
    /// removal of the old proxy until the new one is deployed. With `spec.name`, a spec can have a new name while the proxy in Apigee keeps its
    /// own, and nothing is interrupted.
    RenameInterrupts = "AF110",
    /// An editor, a merge or an operating system left a file in a bundle's folder, zip file or ConfigMap. It is not part of the bundle
    /// and is not uploaded.
    LeftOut = "AF120",
    /// A defect of this program. The input is unchanged; please report it.
    Internal = "AF099",
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
