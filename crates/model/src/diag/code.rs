//! The codes of all diagnostics: one list, from which the documentation is made.

use std::fmt;

macro_rules! codes {
    ($( $(#[doc = $doc:literal])+ $name:ident = $text:literal, )+) => {
        /// A stable code, printed in brackets behind a message.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code { $( $(#[doc = $doc])+ $name, )+ }

        impl Code {
            /// All codes in their order.
            pub const ALL: &'static [Self] = &[ $( Self::$name, )+ ];

            /// The code as printed.
            pub const fn as_str(self) -> &'static str {
                match self { $( Self::$name => $text, )+ }
            }

            /// What the code means and what to do: a paragraph for the documentation.
            pub fn doc(self) -> String {
                let lines: &[&str] = match self { $( Self::$name => &[$($doc),+], )+ };
                lines.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ")
            }
        }
    };
}

codes! {
    /// The input is not YAML that can be read. Nothing can be expanded before it is.
    MalformedYaml = "AF001",
    /// The input says `kind: ResourceList`, but it is not one: `items` must be a list of resources.
    NotAResourceList = "AF002",
    /// An item lacks `apiVersion`, `kind` or `metadata.name`.
    MissingIdentity = "AF003",
    /// The kind is of the group `apigeeflux.dev`, but this version does not know it.
    UnknownKind = "AF004",
    /// The group is ours, but the version is not: only `v1alpha1` is known.
    UnknownVersion = "AF005",
    /// The functionConfig is neither a ConfigMap, an `ExpandApigee`, a `CheckApigee`, nor one of our kinds.
    WrongFunctionConfig = "AF006",
    /// Two resources have the same kind, namespace and name.
    DuplicateResource = "AF007",
    /// The input carries outputs of an earlier run and no spec: in a pipe it has been rendered already.
    AlreadyRendered = "AF008",
    /// The input holds no resource of ours, so there is nothing to expand.
    NothingToExpand = "AF009",
    /// The field is not known in this place.
    UnknownField = "AF010",
    /// The value has another type than the field, or is not one of the allowed values.
    WrongType = "AF011",
    /// A required field is missing.
    MissingField = "AF012",
    /// The value has the right type, but not the right form.
    InvalidValue = "AF013",
    /// Two fields exclude each other, or one needs another.
    ConflictingFields = "AF014",
    /// The input exceeds a limit that keeps a small file from taking minutes or all memory: its size, what its aliases expand to, how deep
    /// it is nested, how much it would write. The message names the limit.
    InputTooLarge = "AF015",
    /// A file or the input is not UTF-8, the encoding of YAML in Kubernetes. Editors and PowerShell on Windows may write UTF-16.
    NotUtf8 = "AF016",
    /// There are more findings than anybody reads; the first ones are shown.
    TooManyFindings = "AF017",
    /// The metadata of a spec is also, by an anchor, that of a resource that is not managed by apigee-flux. Marking the spec would keep the
    /// other resource out of the cluster.
    SharedMetadata = "AF018",
    /// A bundle, or the input of a generator, holds nothing that could be deployed.
    NothingToDeploy = "AF019",
    /// A credential is in the spec. Git is no place for it: refer to a Secret.
    InlineCredential = "AF020",
    /// `valueFrom.file` names a file that is in none of the folders for secrets: `/secrets-store`, where a `secretProviderClass` is mounted,
    /// `/vault/secrets`, where Vault's agent writes, and those that `spec.deployer.secretFolders` of the ApigeeEnvironment lists. Every other
    /// file of the pod is refused, among them its tokens.
    SecretOutside = "AF021",
    /// `spec.endpoint` is a host that is neither Google's nor this machine. The deployer's token would go there.
    ForeignEndpoint = "AF022",
    /// A name, namespace, label or annotation that reaches Kubernetes is not one that Kubernetes takes.
    InvalidName = "AF023",
    /// No ApigeeEnvironment is in the input, or none of the names that the proxy asks for.
    MissingEnvironment = "AF030",
    /// Two proxies have the same base path in one environment: Apigee would refuse the second.
    DuplicateBasePath = "AF031",
    /// Two resources come to the same name in Kubernetes or in Apigee.
    NameCollision = "AF032",
    /// The name of something to generate is taken by a resource that is not ours.
    NameTaken = "AF033",
    /// `$(values.NAME)` names a value that the ApigeeEnvironments do not have, or not equally.
    UnknownValue = "AF034",
    /// `from` names a resource or a field that the input does not have.
    UnresolvedReference = "AF035",
    /// Two ApigeeProfiles of the same priority give a proxy different values for one field.
    ProfileConflict = "AF036",
    /// An ApigeeProfile selects no proxy.
    UnusedProfile = "AF037",
    /// The one Job of an environment (`spec.batch: environment`) has too many bundles: Kubernetes stores no object larger than
    /// 1.5 MiB. Bundles of several namespaces have a Job each.
    BatchTooLarge = "AF038",
    /// A spec names something that is not in the input: a proxy, a keystore, a product. If it is made elsewhere, say so with
    /// `spec.external`.
    UnknownName = "AF039",
    /// The ConfigMap that holds the bundle is not in the input.
    MissingConfigMap = "AF040",
    /// The raw bundle cannot be read: a zip that is none, a key that gives no path.
    UnreadableBundle = "AF041",
    /// A file name in a bundle is not allowed: it is absolute or would leave the bundle's folder.
    UnsafePath = "AF042",
    /// The XML files at the top of the bundle hold no `<APIProxy>`, or more than one.
    MissingRootXml = "AF043",
    /// An XML file does not parse, or has a document type definition, which Apigee does not need and parsers must not follow.
    MalformedXml = "AF044",
    /// The bundle is larger than Apigee takes: 15 MB.
    BundleTooLarge = "AF045",
    /// Two paths of a bundle differ only in upper and lower case.
    CaseCollision = "AF046",
    /// A step names a policy that does not exist.
    MissingPolicy = "AF050",
    /// A policy is defined but no step uses it.
    UnattachedPolicy = "AF051",
    /// A route names a target that does not exist.
    MissingTarget = "AF052",
    /// Routes are tried in order: one without a condition must stand last, and there must be one, or requests that match none
    /// fail.
    UnreachableRoute = "AF053",
    /// A shared flow is called that is not in the input or not deployed to the environment, although one of nearly that name
    /// is.
    MissingSharedFlow = "AF054",
    /// Shared flows call each other in a circle: none of them could be deployed first.
    SharedFlowCircle = "AF055",
    /// The OpenAPI document asks for credentials, and the proxy checks none: anybody can call its operations. Write `security`;
    /// `security: none`, for the proxy or for one operation, says that it is meant to be public.
    OpenOperations = "AF056",
    /// A file outside the resource could not be read.
    UnreadableFile = "AF060",
    /// A symbolic link leads out of the folder that is read. A folder there is not read; a file there is an error without a code, since then
    /// nothing can be read.
    LinkOutside = "AF061",
    /// The rate of a SpikeArrest is not one. Apigee takes a whole number with `ps` (per second) or `pm` (per minute), or a
    /// variable in braces; the attribute `ref` may name a variable that holds one.
    InvalidRate = "AF070",
    /// A Quota or LLMTokenQuota has a count, an interval or a time unit that Apigee does not take. Counts and intervals are
    /// whole numbers, units are `minute`, `hour`, `day`, `week` and `month`.
    InvalidQuota = "AF071",
    /// A quota counts for a consumer that is not known where it runs: the step that verifies the credential is missing, runs
    /// later, or verifies a credential that belongs to no API product.
    QuotaWithoutConsumer = "AF072",
    /// CORS does not answer every preflight. Browsers send a preflight without credentials, so a step that checks them must
    /// not run before it, and a condition must not hold it back.
    LateCors = "AF073",
    /// A pattern that matches no request or other ones than its author meant: in MatchesPath `*` and `{id}` are one segment and
    /// `**` one or more; `:id` is plain text, and `%` takes the next character as it is, so that `%20` matches `20`; to other operators `{id}` is
    /// plain text, and a query is no part of a path.
    DeadPattern = "AF074",
    /// Flows are tried in their order and the first that matches runs alone. Behind a flow that matches the same requests or
    /// all of them, a flow never runs.
    UnreachableFlow = "AF075",
    /// A condition that Apigee cannot read. The place counts inside the condition.
    InvalidCondition = "AF076",
    /// A condition that holds for no request, as one that asks for two methods at once.
    ContradictoryCondition = "AF077",
    /// A policy names a file of the bundle that is not there: a script, a stylesheet, a document, a property set. Files of the
    /// environment or the organization may serve too; those are not known here.
    MissingResource = "AF078",
    /// A file of the bundle that nothing names. It is uploaded with every revision.
    UnusedResource = "AF079",
    /// A cached response may reach somebody else than the consumer it was made for: the key does not tell consumers apart, or
    /// the cache answers before the credential is checked.
    SharedCache = "AF080",
    /// A ResponseCache is attached in one direction only: on the request it looks a response up, on the response it stores one.
    HalfCache = "AF081",
    /// A RaiseFault policy inside a fault rule ends the rule and starts fault handling anew: what other rules and the default
    /// rule would do is lost.
    RaiseInFaultRule = "AF082",
    /// A connection to a backend is not protected: TLS is off, not enforced, or its certificate is not checked.
    WeakTls = "AF083",
    /// A proxy endpoint has no base path, several, or one that Apigee does not take.
    InvalidBasePath = "AF084",
    /// A bundle exceeds a limit of Apigee's page "Limits", or has so many flows with wildcards that the check does not compare each of them
    /// with all flows before it.
    LimitExceeded = "AF085",
    /// The name of a file and the name inside it differ, or a name is not one that Apigee takes.
    WrongFileName = "AF086",
    /// The root element of a policy is none of Apigee's policies.
    UnknownPolicy = "AF087",
    /// One extensible policy makes the whole proxy extensible: it needs an intermediate or comprehensive environment and may
    /// cost more. `spec.deploy.allowExtensible: false` forbids it.
    ExtensibleProxy = "AF088",
    /// A segment of an operation's path is written as a placeholder of another framework, such as `:id`. In Apigee it is plain text:
    /// write `{id}`.
    ForeignPlaceholder = "AF090",
    /// An operation's path repeats the base path. It is below the base path anyway, so a client has to send the base path twice to
    /// reach it.
    RepeatedBasePath = "AF091",
    /// An operation's path ends in a slash, which counts: a request without it is for another operation or for none.
    TrailingSlash = "AF092",
    /// Streaming that does not work: Apigee streams a body only if both the ProxyEndpoint and the TargetEndpoint have the property
    /// `request.streaming.enabled` or `response.streaming.enabled`, and a policy that reads a streamed body finds none. An
    /// EventFlow needs a streamed response.
    Streaming = "AF093",
    /// A regular expression that Java does not compile. Apigee uses the syntax of `java.util.regex.Pattern`.
    InvalidRegex = "AF094",
    /// The algorithms of a JWT or JWS policy need keys of different kinds, or the policy has a key of another kind. HS algorithms
    /// take a SecretKey, RS and PS algorithms a key of RSA, ES algorithms a key of elliptic curves.
    WrongKeyKind = "AF095",
    /// A log that runs after the response reads a variable `response.…`, which is empty for every call that failed.
    /// `message.…` is the response, or the error.
    EmptyOnError = "AF096",
    /// A CORS policy names an origin that no page has, or does not allow a method that a flow is for. Apigee compares origins as
    /// a whole; browsers send scheme, host and port, without a path.
    CorsMismatch = "AF097",
    /// The health check of a load balancer names several status codes. Apigee compares with one.
    SeveralResponseCodes = "AF098",
    /// A variable is read before it can exist, or after it is gone: a response on the request, what a credential tells before the
    /// credential is verified, a header that an earlier step has removed. Apigee reads nothing there and reports no error.
    UnavailableVariable = "AF100",
    /// The name of a variable that Apigee does not have: a misspelt one, or a name in braces where it stands without. Apigee reads
    /// nothing there and reports no error.
    UnknownVariable = "AF101",
    /// A policy has an element, an attribute or a value that its schema does not know, or an endpoint a property that Apigee does not
    /// have. Apigee ignores most of them.
    PolicySchema = "AF102",
    /// Apigee refuses to import or deploy the policy. The message gives Apigee's own name of the error, if its pages list one.
    DeploymentError = "AF103",
    /// A condition compares `fault.name` with a name that no fault has. It does not hold.
    UnknownFaultName = "AF104",
    /// The right side of a comparison is not in quotes: Apigee takes it for the name of a variable, and compares with nothing.
    UnquotedText = "AF105",
    /// A template names a variable in the syntax of another language, as `${x}` or `{{x}}`. Apigee writes `{x}`.
    TemplateSyntax = "AF106",
    /// A policy sets a part that the message does not have in this place, as a status code of a request. Apigee ignores it.
    IneffectivePart = "AF107",
    /// A condition in a response flow asks for the status of an error. An error of the target is a fault: fault rules run, and the
    /// response flow does not.
    ErrorInResponseFlow = "AF108",
    /// A shared flow is undeployed or deleted while a proxy or another shared flow still calls it.
    SharedFlowInUse = "AF109",
    /// A file in a bundle's folder, zip or ConfigMap that an editor, a merge or an operating system left there. It is no part of the
    /// bundle and is not uploaded.
    LeftOut = "AF120",
    /// A defect of this program. The input is unchanged; please report it.
    Internal = "AF099",
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
