//! The configuration documents among rendered objects, as their Jobs would apply them.

use apigee_flux_configuration::document::FILE_NAME;
use apigee_flux_configuration::{Document, OwnedPlace};
use serde_json::Value;

/// What one Job applies.
pub(crate) struct Applying {
    /// The organization, and the environment if the configuration belongs to one.
    pub(crate) place: OwnedPlace,
    /// The owner in Apigee.
    pub(crate) owner: String,
    /// The desired state.
    pub(crate) document: Document,
}

/// The documents of a stream of objects, in its order.
pub(crate) fn documents(stream: &str) -> Vec<Applying> {
    let objects: Vec<Value> = stream.split("\n---\n").map(|part| serde_yaml::from_str(part).unwrap()).collect();
    let jobs = objects.iter().filter(|object| object["kind"] == "Job");
    jobs.filter_map(|job| {
        let pod = &job["spec"]["template"]["spec"];
        let args = pod["containers"][0]["args"].as_array().unwrap();
        let args: Vec<&str> = args.iter().map(|arg| arg.as_str().unwrap()).collect();
        let arg = |name: &str| args.iter().find_map(|arg| arg.strip_prefix(&format!("--{name}="))).map(str::to_owned);
        let volumes = pod["volumes"].as_array().unwrap();
        let volume = volumes.iter().find(|volume| volume["name"] == "configuration").filter(|_| args[0] == "apply")?;
        let map = objects.iter().find(|object| object["metadata"]["name"] == volume["configMap"]["name"]).unwrap();
        Some(Applying {
            place: OwnedPlace { organization: arg("org").unwrap(), environment: arg("env") },
            owner: arg("owner").unwrap(),
            document: serde_json::from_str(map["data"][FILE_NAME].as_str().unwrap()).unwrap(),
        })
    })
    .collect()
}
