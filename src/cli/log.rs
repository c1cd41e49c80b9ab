//! The log of a command on stderr: plain text for people, or JSON lines. Results on stdout are written through it too, so that they never
//! interleave with the status line, which a terminal rewrites in place.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;

use super::colour::colour;
use super::out;
use super::status_line::StatusLine;
use apigee_flux_deployer::client::RetryListener;
use apigee_flux_deployer::event::Event;
use apigee_flux_deployer::{Blame, DeployReport, Error};
use apigee_flux_model::diag::Severity;
use apigee_flux_model::diag::plain::{PlainText, plain};
use apigee_flux_model::diag::snippet::{Colour, SourcePlace, excerpt, tone};
use apigee_flux_model::duration;

/// The form of a log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum LogFormat {
    /// Plain text if stderr is a terminal, otherwise JSON lines.
    #[default]
    Auto,
    /// Plain text.
    Human,
    /// JSON lines.
    Json,
}

/// The log of one command. A clone writes to the same place.
#[derive(Clone)]
pub(super) struct Log {
    place: Arc<LogPlace>,
    scope: Arc<LogScope>,
}

/// Where a log is written.
struct LogPlace {
    start: Instant,
    is_human: bool,
    colour: Colour,
    /// The terminal can rewrite its last line.
    has_status: bool,
    status: Mutex<StatusLine>,
}

/// The resource that lines are about, as far as it is known.
#[derive(Debug, Clone, Default)]
struct LogScope {
    kind: Option<String>,
    name: Option<String>,
    environment: Option<String>,
    /// The folder of the bundle's files.
    folder: PathBuf,
}

/// One line of a log.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LogLine<'l> {
    level: &'static str,
    phase: &'l str,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'l str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'l str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    environment: Option<&'l str>,
    message: &'l str,
    elapsed_ms: u64,
}

impl Log {
    /// Starts a log; its times are relative to now.
    pub(super) fn start(form: LogFormat) -> Self {
        let is_terminal = out::is_error_terminal();
        let is_human = form == LogFormat::Human || form == LogFormat::Auto && is_terminal;
        let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let place = LogPlace {
            start: Instant::now(),
            is_human,
            colour: colour(is_terminal),
            has_status: is_human && is_terminal && !is_dumb,
            status: Mutex::default(),
        };
        Self { place: Arc::new(place), scope: Arc::default() }
    }

    /// The same log, for messages about one environment.
    pub(super) fn of_environment(&self, environment: &str) -> Self {
        self.with(LogScope { environment: Some(environment.to_owned()), ..LogScope::default() })
    }

    /// The same log, for messages about one resource. A kind is written in its JSON form, as in results.
    pub(super) fn of(&self, kind: impl Serialize, name: &str, environment: &str) -> Self {
        self.with(LogScope {
            kind: Some(word(kind)),
            name: Some(name.to_owned()),
            environment: Some(environment.to_owned()),
            ..LogScope::default()
        })
    }

    /// The same log, for a bundle whose files are in a folder.
    pub(super) fn beside(&self, folder: &Path) -> Self {
        self.with(LogScope { folder: folder.to_owned(), ..LogScope::clone(&self.scope) })
    }

    fn with(&self, scope: LogScope) -> Self {
        Self { scope: Arc::new(scope), ..self.clone() }
    }

    /// The time since the start.
    pub(super) fn elapsed(&self) -> Duration {
        self.place.start.elapsed()
    }

    /// A listener that logs the retries of the client.
    pub(super) fn retries(&self) -> RetryListener {
        let log = self.clone();
        Arc::new(move |error: &Error, pause: Duration| log.event(&Event::retry(error, pause)))
    }

    /// Logs a step. The plain-text log shows the source line of a place in a bundle.
    pub(super) fn event(&self, event: &Event) {
        let phase = word(event.phase);
        match event.blame.as_ref().filter(|_| self.place.is_human) {
            Some(blame) => {
                let place = place_of(blame, &self.scope.folder);
                let excerpt = excerpt(&place, event.level, self.place.colour);
                let mut text = self.line(event.level, &phase, &blame.description);
                text.append(&excerpt);
                self.print(&text);
            }
            None => self.write(event.level, &phase, &event.message),
        }
    }

    /// Logs the result of one resource.
    pub(super) fn end(&self, report: &DeployReport) {
        let outcome = &report.outcome;
        let level = if report.exit.is_ok() { Severity::Info } else { Severity::Error };
        let scope = LogScope {
            kind: outcome.kind.map(word),
            name: outcome.name.clone(),
            environment: Some(outcome.environment.clone()),
            ..LogScope::default()
        };
        self.with(scope).write(level, "result", &format!("{}: {}", word(outcome.result), outcome.reason));
    }

    /// Logs a message.
    pub(super) fn write(&self, level: Severity, phase: &str, message: &str) {
        self.print(&self.line(level, phase, message));
    }

    /// Prints a line of JSON to stdout.
    pub(super) fn print_result(&self, line: &str) -> std::io::Result<()> {
        let status = self.lock_status();
        write_stderr(&status.clear());
        let written = out::stdout(&PlainText::of_json(line));
        write_stderr(&status.again());
        written
    }

    /// Shows the progress in the status line, on a terminal only; an empty text removes the line.
    pub(super) fn show_status(&self, text: &str) {
        if self.place.has_status {
            let shown = self.lock_status().show(text);
            write_stderr(&shown);
        }
    }

    fn lock_status(&self) -> MutexGuard<'_, StatusLine> {
        self.place.status.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn print(&self, text: &PlainText) {
        let status = self.lock_status();
        let mut all = status.clear();
        all.append(text);
        all.append(&status.again());
        write_stderr(&all);
    }

    fn line(&self, level: Severity, phase: &str, message: &str) -> PlainText {
        let (elapsed, scope) = (self.elapsed(), &self.scope);
        if self.place.is_human {
            let mut text = PlainText::new();
            text.span(format_args!("{:7.1}s  ", elapsed.as_secs_f64()));
            let colour = if level == Severity::Info { Colour::Never } else { self.place.colour };
            text.painted(colour, tone(level), format_args!("{phase:<8}"));
            let about = scope.name.as_ref().map(|name| format!("{name}: ")).unwrap_or_default();
            text.line(format_args!("  {about}{message}"));
            return text;
        }
        let line = LogLine {
            level: level.as_str(),
            phase,
            kind: scope.kind.as_deref(),
            name: scope.name.as_deref(),
            environment: scope.environment.as_deref(),
            message: &plain(message),
            elapsed_ms: duration::millis(elapsed),
        };
        // A struct of strings and numbers always has a JSON form.
        PlainText::of_json(&serde_json::to_string(&line).unwrap_or_default())
    }
}

/// A failure to write the log does not stop a deployment.
fn write_stderr(text: &PlainText) {
    if !text.is_empty() {
        let _ = out::stderr(text);
    }
}

/// The JSON string of a value, such as a variant's name.
pub(super) fn word(value: impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}

fn place_of(blame: &Blame, folder: &Path) -> SourcePlace {
    let position = blame.line.map(|line| {
        // Without a column, the place is the line: point at the beginning of its text.
        let begin = blame.text.iter().flat_map(|text| text.chars()).take_while(|c| c.is_whitespace()).count() + 1;
        (line, blame.column.unwrap_or(begin))
    });
    let file = folder.join(&blame.path).to_string_lossy().into_owned();
    SourcePlace { file, position, line: blame.text.clone(), in_bundle: true }
}

#[cfg(test)]
mod tests {
    use super::*;
    use apigee_flux_model::bundle::BundleKind;

    fn log(is_human: bool) -> Log {
        let start = Instant::now();
        let place = LogPlace { start, is_human, colour: Colour::Never, has_status: false, status: Mutex::default() };
        Log { place: Arc::new(place), scope: Arc::default() }
    }

    #[test]
    fn a_json_line_says_what_it_is_about() {
        let log = log(false).of(BundleKind::SharedFlow, "common", "prod");
        let line: serde_json::Value =
            serde_json::from_str(log.line(Severity::Warning, "retry", "a \"b\"\nc").as_str()).unwrap();
        assert_eq!(line["message"], "a \"b\"\\nc");
        assert!(line["elapsedMs"].is_u64());
        let keys: Vec<&str> = line.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(keys, ["level", "phase", "kind", "name", "environment", "message", "elapsedMs"]);
        assert_eq!((&line["level"], &line["kind"]), (&"warning".into(), &"sharedFlow".into()));
        assert_eq!((&line["name"], &line["environment"]), (&"common".into(), &"prod".into()));
    }

    #[test]
    fn a_line_for_people_names_the_resource() {
        let line =
            log(true).of(BundleKind::Proxy, "orders", "prod").line(Severity::Info, "read", "nothing").to_string();
        assert!(line.ends_with("s  read      orders: nothing\n"), "{line}");
    }

    #[test]
    fn a_blamed_line_without_a_column_is_shown_at_its_begin() {
        let blame = Blame {
            path: "policies/a.xml".into(),
            line: Some(3),
            column: None,
            text: Some("  <A/>".into()),
            description: "bad".into(),
        };
        let place = place_of(&blame, Path::new("bundle"));
        assert_eq!((place.file.as_str(), place.position), ("bundle/policies/a.xml", Some((3, 3))));
        let place = place_of(&Blame { line: None, text: None, ..blame }, Path::new(""));
        assert_eq!((place.file.as_str(), place.position), ("policies/a.xml", None));
    }
}
