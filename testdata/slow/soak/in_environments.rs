//! The kinds of configuration that belong to environments, except target servers and key value maps.

use reqwest::Method;
use serde_json::{Value, json};

use super::git::Use;
use super::kinds::{ENVIRONMENTS, Generator, State, Thing};
use crate::closed_loop::Apigee;

/// Two certificates of the same key.
const CERTIFICATES: [&str; 2] = [
    include_str!("../../configuration/keystore/secrets/orders-tls/tls.crt"),
    include_str!("../../configuration/keystore/secrets-2/orders-tls/tls.crt"),
];

/// A path in each environment.
fn everywhere(below: &str) -> impl Iterator<Item = String> {
    ENVIRONMENTS.iter().map(move |environment| format!("environments/{environment}/{below}"))
}

fn insert(state: &mut State, below: &str, value: &Value) {
    state.extend(everywhere(below).map(|path| (path, value.clone())));
}

pub(crate) const KEYSTORE: Generator = Generator {
    kind: "ApigeeKeystore",
    most: 4,
    uses: &[],
    spec: |thing| {
        let aliases = aliases(thing).map(|(alias, text)| (alias, json!({"certificate": text})));
        json!({"aliases": aliases.collect::<serde_json::Map<_, _>>()})
    },
    expected: |thing, state| {
        let all = aliases(thing).map(|(alias, text)| (alias, json!(squeezed(text))));
        insert(state, &format!("keystores/{}", thing.name), &all.collect());
    },
    hands: |thing| {
        let path = |environment| format!("environments/{environment}/keystores/{}", thing.name);
        vec![(Method::DELETE, format!("{}/aliases/a0", path("prod")), None), (Method::DELETE, path("test"), None)]
    },
};

/// The aliases of a keystore and their certificates.
fn aliases(thing: &Thing<'_>) -> impl Iterator<Item = (String, &'static str)> {
    let content = thing.item.content;
    let certificate = move |number: u64| CERTIFICATES[usize::from((content / (number + 2)).is_multiple_of(2))];
    (0..=content % 3).map(move |number| (format!("a{number}"), certificate(number)))
}

/// Line breaks of certificates are ignored.
fn squeezed(text: &str) -> String {
    text.split_whitespace().collect()
}

pub(crate) const REFERENCE: Generator = Generator {
    kind: "ApigeeReference",
    most: 4,
    uses: &[Use::Needs("ApigeeKeystore")],
    spec: |thing| {
        let kind = if thing.fixed(2) == 0 { "KeyStore" } else { "TrustStore" };
        json!({"refers": thing.named("ApigeeKeystore"), "resourceType": kind, "description": description(thing)})
    },
    expected: |thing, state| insert(state, &format!("references/{}", thing.name), &reference(thing)),
    hands: |thing| {
        let path = |environment| format!("environments/{environment}/references/{}", thing.name);
        let mut other = reference(thing);
        other["description"] = json!("by hand");
        vec![(Method::DELETE, path("prod"), None), (Method::PUT, path("test"), Some(other))]
    },
};

fn description(thing: &Thing<'_>) -> String {
    format!("Number {}", thing.item.content)
}

fn reference(thing: &Thing<'_>) -> Value {
    let kind = if thing.fixed(2) == 0 { "KeyStore" } else { "TrustStore" };
    json!({
        "name": thing.name,
        "refers": thing.named("ApigeeKeystore"),
        "resourceType": kind,
        "description": description(thing),
    })
}

pub(crate) const RESOURCE_FILE: Generator = Generator {
    kind: "ApigeeResourceFile",
    most: 4,
    uses: &[],
    spec: |thing| json!({"type": file_type(thing), "content": script(thing)}),
    expected: |thing, state| {
        insert(state, &format!("resourcefiles/{}/{}", file_type(thing), thing.name), &json!(script(thing)));
    },
    hands: |thing| {
        vec![(Method::DELETE, format!("environments/prod/resourcefiles/{}/{}", file_type(thing), thing.name), None)]
    },
};

/// Another type is another file.
fn file_type(thing: &Thing<'_>) -> &'static str {
    if thing.one_of(2) == 0 { "jsc" } else { "py" }
}

fn script(thing: &Thing<'_>) -> String {
    format!("x = {}", thing.item.content)
}

pub(crate) const FLOW_HOOK: Generator = Generator {
    kind: "ApigeeFlowHook",
    most: 4,
    uses: &[Use::Needs("ApigeeSharedFlow")],
    spec: |thing| {
        let point = point(thing).trim_end_matches("FlowHook");
        json!({"point": point, "sharedFlow": thing.named("ApigeeSharedFlow"), "continueOnError": thing.one_of(2) == 0})
    },
    expected: |thing, state| {
        let hook = json!({"sharedFlow": thing.named("ApigeeSharedFlow"), "continueOnError": thing.one_of(2) == 0});
        insert(state, &format!("flowhooks/{}", point(thing)), &hook);
    },
    hands: |thing| {
        let path = |environment| format!("environments/{environment}/flowhooks/{}", point(thing));
        let other = json!({"sharedFlow": thing.named("ApigeeSharedFlow"), "continueOnError": thing.one_of(2) != 0});
        vec![(Method::DELETE, path("prod"), None), (Method::PUT, path("test"), Some(other))]
    },
};

const POINTS: [&str; 4] = ["PreProxyFlowHook", "PreTargetFlowHook", "PostTargetFlowHook", "PostProxyFlowHook"];

/// The number in the name is that of the point at which the flow hook runs.
fn point(thing: &Thing<'_>) -> &'static str {
    POINTS[thing.name.rsplit('-').next().unwrap().parse::<usize>().unwrap()]
}

pub(crate) const DEBUG_MASK: Generator = Generator {
    kind: "ApigeeDebugMask",
    most: 1,
    uses: &[],
    spec: mask,
    expected: |thing, state| insert(state, "debugmask", &mask(thing)),
    hands: |_| {
        let path = "environments/prod/debugmask?updateMask=variables&replaceRepeatedFields=true";
        vec![(Method::PATCH, path.to_owned(), Some(json!({"variables": ["by.hand"]})))]
    },
};

fn mask(thing: &Thing<'_>) -> Value {
    let mut mask = json!({"variables": [format!("variable.{}", thing.item.content)]});
    if thing.one_of(2) == 0 {
        mask["requestJSONPaths"] = json!([format!("$.number{}", thing.item.content)]);
    }
    mask
}

/// The actual state of the environments.
pub(crate) async fn read(apigee: &Apigee, state: &mut State) {
    for environment in ENVIRONMENTS {
        let base = format!("environments/{environment}");
        for name in apigee.names(&format!("{base}/keystores"), "").await {
            let path = format!("{base}/keystores/{name}");
            let mut aliases = serde_json::Map::new();
            for alias in apigee.names(&format!("{path}/aliases"), "").await {
                let certificate = apigee.get(&format!("{path}/aliases/{alias}/certificate")).await;
                aliases.insert(alias, json!(squeezed(certificate.as_str().unwrap())));
            }
            state.insert(path, aliases.into());
        }
        for name in apigee.names(&format!("{base}/references"), "").await {
            let path = format!("{base}/references/{name}");
            state.insert(path.clone(), apigee.get(&path).await);
        }
        let files = apigee.get(&format!("{base}/resourcefiles")).await;
        for file in files["resourceFile"].as_array().into_iter().flatten() {
            let text = |field: &str| file[field].as_str().unwrap();
            let path = format!("{base}/resourcefiles/{}/{}", text("type"), text("name"));
            state.insert(path.clone(), apigee.get(&path).await);
        }
        for point in POINTS {
            let path = format!("{base}/flowhooks/{point}");
            let hook = apigee.get(&path).await;
            if hook["sharedFlow"].as_str().is_some_and(|flow| !flow.is_empty()) {
                let hook = json!({"sharedFlow": hook["sharedFlow"], "continueOnError": hook["continueOnError"]});
                state.insert(path, hook);
            }
        }
        let path = format!("{base}/debugmask");
        let Value::Object(mut mask) = apigee.get(&path).await else { continue };
        mask.remove("name");
        if !mask.is_empty() {
            state.insert(path, mask.into());
        }
    }
}
