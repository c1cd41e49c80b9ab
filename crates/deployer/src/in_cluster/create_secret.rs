//! Creates a Secret for a key that Apigee generated.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use crate::error::Error;
use crate::in_cluster::ApiServer;
use crate::in_cluster::kubernetes_error::Call;
use crate::secret_writer::SecretCreation;
use apigee_flux_configuration::NewSecret;

/// Creates a Secret in the pod's namespace, unless there is one with its name, which is neither read nor changed. The
/// response is in no error: it could repeat the key.
pub async fn create_secret(server: &ApiServer, secret: &NewSecret) -> Result<SecretCreation, Error> {
    let (name, namespace) = (&secret.name, server.namespace());
    let call = Call { verb: "create", resource: "secrets" };
    let Err(error) = server.create(call, &object(secret)).await else { return Ok(SecretCreation::Created) };
    match error.status {
        Some(409) => Ok(SecretCreation::Exists),
        Some(403) => Err(Error::Credentials(format!(
            "the Secret `{name}` cannot be created: the ServiceAccount of the pod may not `create` `secrets` in namespace \
             `{namespace}` (Role `apigee-deployer-secrets`)"
        ))),
        Some(status) => Err(Error::Temporary(format!(
            "the Secret `{name}` cannot be created in namespace `{namespace}`: the Kubernetes API responded with {status}"
        ))),
        None => Err(Error::Temporary(format!("the Secret `{name}` cannot be created: {error}"))),
    }
}

fn object(secret: &NewSecret) -> Secret {
    let pairs = [("key", &secret.key), ("secret", &secret.secret)];
    Secret {
        metadata: ObjectMeta { name: Some(secret.name.clone()), ..ObjectMeta::default() },
        string_data: Some(
            pairs.map(|(key, value)| (key.to_owned(), value.clone())).into_iter().collect::<BTreeMap<_, _>>(),
        ),
        ..Secret::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secret_has_the_key_and_its_secret() {
        let new = NewSecret { name: "shop-key".into(), key: "k".into(), secret: "s".into() };
        let value = serde_json::to_value(object(&new)).unwrap();
        assert_eq!(
            value,
            serde_json::json!({
                "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "shop-key"}, "stringData": {"key": "k", "secret": "s"},
            })
        );
    }
}
