//! Uploads the smallest bundle of a proxy or a shared flow.

use apigee_flux_model::bundle::{BundleKind, BundlePath, Files};
use libtest_mimic::Failed;
use reqwest::Client;

/// Imports a bundle that does nothing, and deploys it if an environment is named.
pub(crate) async fn upload(
    http: &Client,
    sandbox: &str,
    kind: BundleKind,
    name: &str,
    environment: Option<&str>,
) -> Result<(), Failed> {
    let root = (format!("{name}.xml"), format!("<{} name=\"{name}\"/>", kind.root_element()));
    let main = match kind {
        BundleKind::Proxy => (
            "proxies/default.xml",
            format!(
                "<ProxyEndpoint name=\"default\"><HTTPProxyConnection><BasePath>/{name}</BasePath></HTTPProxyConnection>\
                 <RouteRule name=\"none\"/></ProxyEndpoint>"
            ),
        ),
        BundleKind::SharedFlow => ("sharedflows/default.xml", "<SharedFlow name=\"default\"/>".to_owned()),
    };
    let files: Files = [root, (main.0.to_owned(), main.1)]
        .into_iter()
        .map(|(path, text)| (BundlePath::parse(&path).unwrap(), text.into_bytes()))
        .collect();
    let zip = apigee_flux_model::bundle::zip::pack(kind, &files)?.as_slice().to_vec();
    let (base, collection) = (format!("{sandbox}/v1/organizations/acme"), kind.collection());
    let import = http.post(format!("{base}/{collection}?name={name}&action=import"));
    let mut requests = vec![import.header("content-type", "application/octet-stream").body(zip)];
    if let Some(environment) = environment {
        let path = format!("environments/{environment}/{collection}/{name}/revisions/1/deployments");
        let deploy = http.post(format!("{base}/{path}?override=true"));
        requests.push(deploy.header("content-length", 0));
    }
    for request in requests {
        let response = request.send().await?;
        if !response.status().is_success() {
            return Err(format!("{name}: {}", response.text().await?).into());
        }
    }
    Ok(())
}
