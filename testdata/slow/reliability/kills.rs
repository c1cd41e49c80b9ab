//! The program is killed before and after the sandbox handles each request, and runs again.

use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use apigee_flux_deployer::Bundle;
use apigee_flux_model::bundle::Manifest;
use apigee_flux_sandbox::{FaultRule, InjectedFault, Moment, Occurrence};

use super::faults::calls;
use super::story::Story;
use super::world::{World, all};

/// The program is killed at one moment of one request.
struct Case {
    story: Story,
    call: String,
    number: u32,
    moment: Moment,
}

pub(crate) async fn matrix() -> Vec<String> {
    let start = Instant::now();
    let mut cases = Vec::new();
    for story in Story::all() {
        for (number, call) in (1..).zip(calls(story).await) {
            cases.extend([Moment::Arrived, Moment::Acted].map(|moment| Case {
                story,
                call: call.clone(),
                number,
                moment,
            }));
        }
    }
    let count = cases.len();
    let broken: Vec<String> = all(cases.into_iter().map(Case::run), 12).await.into_iter().flatten().collect();
    println!(
        "kill matrix: {count} kills, {} promises broken, {:.1} s in all",
        broken.len(),
        start.elapsed().as_secs_f64()
    );
    broken
}

impl Case {
    async fn run(self) -> Vec<String> {
        let Self { story, call, number, moment } = self;
        let world = World::start(story.kind, Duration::ZERO).await;
        story.prepare(&world).await;
        let bundle = story.wanted();
        let pod = pod(&bundle);

        // In half of the cases the sandbox handles the request of the killed process, in the other half it does not; the response is always lost.
        let fault = if moment == Moment::Arrived { InjectedFault::Reset } else { InjectedFault::Lost };
        world.sandbox.inject(FaultRule::new(fault).on(Occurrence::Nth(number)));
        let child: Arc<Mutex<Option<Child>>> = Arc::default();
        let before = u64::try_from(world.sandbox.requests().len()).unwrap();
        let victim = Arc::clone(&child);
        world.on_request(Arc::new(move |request| {
            if request.number == before + u64::from(number)
                && request.moment == moment
                && let Some(child) = victim.lock().unwrap().as_mut()
            {
                child.kill().unwrap();
                child.wait().unwrap();
            }
            Box::pin(std::future::ready(()))
        }));
        {
            let mut place = child.lock().unwrap();
            *place = Some(program(pod.path(), &world.sandbox.url()).spawn().unwrap());
        }
        let mut broken = Vec::new();
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            let ended = child.lock().unwrap().as_mut().unwrap().try_wait().unwrap();
            match ended {
                Some(status) if status.code().is_some() => {
                    broken.push(format!("it ended by itself with {:?}, so nothing was tested", status.code()));
                    break;
                }
                Some(_) => break,
                None if Instant::now() > deadline => {
                    child.lock().unwrap().as_mut().unwrap().kill().unwrap();
                    broken.push("it did not come to the call".to_owned());
                    break;
                }
                None => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        }
        let mut again = program(pod.path(), &world.sandbox.url());
        let output = tokio::task::spawn_blocking(move || again.output()).await.unwrap().unwrap();
        if output.status.code() != Some(0) {
            broken.push(format!(
                "the next run ends with {:?}: {}",
                output.status.code(),
                String::from_utf8_lossy(&output.stdout)
            ));
        }
        broken.extend(world.faults(&[bundle.digest]).await);
        broken
            .into_iter()
            .map(|text| format!("{story}, call {number} ({call}), killed when it {moment:?}: {text}"))
            .collect()
    }
}

/// The files that the Job mounts.
pub(crate) fn pod(bundle: &Bundle) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, bytes) in bundle.files.iter() {
        let file = folder.path().join(path.as_str());
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, bytes).unwrap();
    }
    let manifest = Manifest::new(bundle.kind, bundle.name.as_str(), &bundle.files, bundle.requires.clone());
    std::fs::write(folder.path().join("manifest.json"), serde_json::to_vec(&manifest).unwrap()).unwrap();
    folder
}

/// Runs the program as the Job does, in the folder of the mount.
pub(crate) fn program(folder: &std::path::Path, endpoint: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_apigee-flux"));
    command
        .args(["deploy", "--manifest=manifest.json", "--org=acme", "--env=prod", "--termination-log=none"])
        .args(["--rate=1000", "--endpoint", endpoint])
        .current_dir(folder)
        .env_remove("APIGEE_TOKEN")
        .env_remove("GOOGLE_APPLICATION_CREDENTIALS")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}
