// Drives the npm package apigee-edge-js: imports, lists, deploys, downloads, undeploys and deletes one bundle.
// Arguments: organization, environment, proxy's name, zip file. Prints one JSON object with the result of each call.
const fs = require("fs");
const { apigee } = require("apigee-edge-js");

const [organization, environment, name, zip] = process.argv.slice(2);

async function main() {
  const org = await apigee.connect({ org: organization, apigeex: true, token: "given" });
  const said = {};
  said.imported = await org.proxies.import({ name, source: zip });
  const revision = said.imported.revision;
  said.listed = await org.proxies.get();
  said.proxy = await org.proxies.get({ name });
  said.revisions = await org.proxies.getRevisions({ name });
  said.deployed = await org.proxies.deploy({ name, revision, environment });
  for (let tries = 0; tries < 100; tries++) {
    said.status = await org.proxies.getDeployments({ name, revision, environment });
    if (said.status.state === "READY") break;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  // The library's own default, override=true, replaces the deployed revision.
  said.second = await org.proxies.import({ name, source: zip });
  said.redeployed = await org.proxies.deploy({ name, revision: said.second.revision, environment });
  const download = await org.proxies.export({ name, revision });
  said.sameBytes = Buffer.compare(download.buffer, fs.readFileSync(zip)) === 0;
  said.environments = await org.environments.get();
  said.undeployed = await org.proxies.undeploy({ name, revision: said.second.revision, environment });
  said.deleted = await org.proxies.del({ name });
  console.log(JSON.stringify(said));
}

main().catch((error) => {
  console.error(error.message || error, JSON.stringify(error.result || error));
  process.exit(1);
});
