//! How fast the function is, and how much memory it needs: `cargo bench --bench function`.
//!
//! Each figure is a ratio within one run. The baseline is the same YAML library, which parses the same input into values and writes the same
//! output once, without interpreting specs. Every measurement is a process of its own, so that peak memory is its own too; time is the
//! minimum of several runs, without the start of the process. The start of the real program is compared with `/bin/true`.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, clippy::cast_precision_loss)]

use std::fmt::Write as _;
use std::fs;
use std::hint::black_box;
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use apigee_flux_function::expand::{ExpandOptions, expand};
use apigee_flux_model::diag::has_errors;
use apigee_flux_model::krm::Input;

const ROUNDS: usize = 7;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [_, "measure", what, input, output] => measure(what, Path::new(input), Path::new(output)),
        _ => compare(),
    }
}

/// The child process: does one thing, and prints microseconds and the peak of its memory in KiB.
fn measure(what: &str, input: &Path, output: &Path) {
    let source = fs::read_to_string(input).unwrap();
    let written = if what == "library" { fs::read_to_string(output).unwrap() } else { String::new() };
    let value: serde_json::Value = if what == "library" {
        serde_yaml::from_str_with_options(&written, unlimited()).unwrap()
    } else {
        serde_json::Value::Null
    };
    drop(written);
    let start = Instant::now();
    if what == "function" {
        function(&source, &mut io::sink());
    } else {
        black_box(serde_yaml::from_str_with_options::<serde_json::Value>(&source, unlimited()).unwrap());
        black_box(serde_yaml::to_string(&value).unwrap());
    }
    let time = start.elapsed().as_micros();
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    println!("{time} {}", peak.split_whitespace().next().unwrap());
}

/// By default, the library rejects large documents.
fn unlimited() -> serde_yaml::Options {
    serde_yaml::options! { budget: None }
}

fn function(source: &str, out: &mut dyn io::Write) {
    let input = Input::read(source).unwrap();
    let expansion = expand(&input, &ExpandOptions::default());
    assert!(!has_errors(&expansion.diagnostics), "{:?}", expansion.diagnostics.first());
    let new: Vec<String> = expansion.objects.into_iter().map(|object| object.to_yaml().unwrap()).collect();
    input.write(out, &expansion.changes, &new, &expansion.diagnostics).unwrap();
}

fn compare() {
    let folder = std::env::temp_dir().join(format!("apigee-flux-bench-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    println!("least of {ROUNDS} runs; memory is the peak of the process");
    for (name, text) in [
        ("10 intent proxies", proxies(10, 0)),
        ("1,000 intent proxies", proxies(1_000, 0)),
        ("10 MB of foreign items", foreign(10 << 20)),
    ] {
        let (input, output) = (folder.join("input.yaml"), folder.join("output.yaml"));
        fs::write(&input, &text).unwrap();
        let mut written = Vec::new();
        function(&text, &mut written);
        fs::write(&output, &written).unwrap();
        let (time, memory) = least("function", &input, &output);
        let (library_time, library_memory) = least("library", &input, &output);
        let megabytes = |bytes: usize| bytes as f64 / 1e6;
        println!(
            "{name}: in {:.1} MB, out {:.1} MB\n  time    {:>8.1} ms, library {:>8.1} ms: {:.2} times\n  memory  {:>8.1} MB, library {:>8.1} MB: \
             {:.1} times the input",
            megabytes(text.len()),
            megabytes(written.len()),
            time.as_secs_f64() * 1e3,
            library_time.as_secs_f64() * 1e3,
            time.as_secs_f64() / library_time.as_secs_f64(),
            memory as f64 / 1e3,
            library_memory as f64 / 1e3,
            memory as f64 * 1024.0 / text.len() as f64,
        );
    }
    growth(&folder);
    fs::remove_dir_all(&folder).unwrap();
    let list = "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems: []\n";
    let program = start_of(env!("CARGO_BIN_EXE_apigee-flux"), list);
    let floor = start_of("/bin/true", "");
    println!(
        "start of the program: {:.2} ms, /bin/true {:.2} ms: {:.2} ms more",
        program.as_secs_f64() * 1e3,
        floor.as_secs_f64() * 1e3,
        (program.as_secs_f64() - floor.as_secs_f64()) * 1e3
    );
}

/// Time and memory of each proxy must not grow with the number of proxies.
fn growth(folder: &Path) {
    println!("proxies with 20 operations each");
    let mut first = None;
    for count in [10, 100, 1_000] {
        let (input, output) = (folder.join("input.yaml"), folder.join("output.yaml"));
        fs::write(&input, proxies(count, 20)).unwrap();
        let (time, memory) = least("function", &input, &output);
        let each = time.as_secs_f64() * 1e6 / count as f64;
        let growth = each / *first.get_or_insert(each);
        let memory = memory as f64 / count as f64;
        println!("  {count:>5}: {each:>6.0} microseconds each ({growth:.2} times those of 10), {memory:>7.1} kB each");
    }
}

fn least(what: &str, input: &Path, output: &Path) -> (Duration, usize) {
    (0..ROUNDS)
        .map(|_| {
            let child = Command::new(std::env::current_exe().unwrap())
                .args(["measure", what])
                .args([input, output])
                .output()
                .unwrap();
            let text = String::from_utf8(child.stdout).unwrap();
            let (time, memory) = text.trim().split_once(' ').unwrap();
            let memory: usize = memory.parse().unwrap();
            (Duration::from_micros(time.parse().unwrap()), memory)
        })
        .reduce(|a, b| (a.0.min(b.0), a.1.min(b.1)))
        .unwrap()
}

fn start_of(program: &str, input: &str) -> Duration {
    (0..200)
        .map(|_| {
            let start = Instant::now();
            let mut child = Command::new(program)
                .stdin(Stdio::piped())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            // `/bin/true` does not read.
            let _ = io::Write::write_all(&mut child.stdin.take().unwrap(), input.as_bytes());
            child.wait().unwrap();
            start.elapsed()
        })
        .min()
        .unwrap()
}

const HEAD: &str = "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems:\n";

fn proxies(count: usize, operations: usize) -> String {
    let mut list = format!(
        "{HEAD}- apiVersion: apigeeflux.dev/v1alpha1\n  kind: ApigeeEnvironment\n  metadata: {{name: prod}}\n  spec: {{organization: acme}}\n"
    );
    for number in 0..count {
        write!(
            list,
            "- apiVersion: apigeeflux.dev/v1alpha1
  kind: ApigeeProxy
  metadata:
    name: api-{number}
    annotations:
      internal.config.kubernetes.io/path: apis/api-{number}.yaml
  spec:
    basePath: /v1/api-{number}
    description: API number {number}.
    cors:
      origins: [\"https://app.example.com\"]
      methods: [GET, POST]
      headers: [content-type, x-api-key]
    security:
      apiKey: {{in: header, name: x-api-key}}
      headers: default
    traffic:
      spikeArrest: 100ps
      quota: {{limit: 1000, per: hour}}
    targets:
      - name: default
        servers: [api-{number}-blue, {{name: api-{number}-green, weight: 2}}]
        path: /api
        timeouts: {{connect: 3s, read: 20s}}
    faults: json
"
        )
        .unwrap();
        if operations > 0 {
            list.push_str("    operations:\n");
        }
        for operation in 0..operations {
            let method = ["GET", "POST", "PUT", "DELETE"][operation % 4];
            write!(
                list,
                "      operation{operation}:
        match: {{path: '/resource{}/{{id}}', methods: [{method}]}}
        steps:
          request:
            - set: {{headers: {{x-operation: operation{operation}}}}}
",
                operation / 4
            )
            .unwrap();
        }
    }
    list
}

fn foreign(bytes: usize) -> String {
    let mut list = HEAD.to_owned();
    let mut number = 0;
    while list.len() < bytes {
        write!(
            list,
            "- apiVersion: apps/v1
  kind: Deployment
  metadata:
    name: app-{number} # a comment
    namespace: team-{}
    labels: {{app: 'app-{number}', tier: web}}
    annotations:
      internal.config.kubernetes.io/path: team/app-{number}.yaml
      internal.config.kubernetes.io/index: '0'
  spec:
    replicas: 2
    selector: {{matchLabels: {{app: app-{number}}}}}
    template:
      metadata: {{labels: {{app: app-{number}}}}}
      spec:
        containers:
          - name: app
            image: registry.example.com/app@sha256:0000000000000000000000000000000000000000000000000000000000000000
            args: [--port=8080, \"--log=info\"]
            env:
              - {{name: A, value: \"{number}\"}}
            resources:
              requests: {{cpu: 100m, memory: 64Mi}}
- apiVersion: v1
  kind: ConfigMap
  metadata:
    name: config-{number}
  data:
    config.xml: |
{}",
            number % 10,
            "      <entry key=\"name\">some value of a configuration file, long enough to be one</entry>\n".repeat(40),
        )
        .unwrap();
        number += 1;
    }
    list
}
