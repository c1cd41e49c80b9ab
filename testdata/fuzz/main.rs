//! Random inputs for every parser: for any bytes, a parser ends quickly, does not panic, and its result can be written and read again.
//!
//! One target for each input format (`targets`), a seed corpus from the repository's own cases, and a mutator (`mutate`). `FUZZ_SECONDS` is the time for
//! each target (default 1), `FUZZ_SEED` the seed of the random numbers. An input that fails is written to `target/fuzz/`; copy it to
//! `testdata/fuzz/found/TARGET/`, and every later run begins with it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod corpus;
mod mutate;
mod targets;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};
use std::{env, fs};

use libtest_mimic::{Arguments, Failed, Trial};
use mutate::Mutator;
use targets::{TARGETS, Target};

/// The longest input. Each input is small, so if a run takes long, the parser has a defect.
const LONGEST: usize = 1 << 16;

/// How long one input may take, on a machine that does other work at the same time.
const PATIENCE: Duration = Duration::from_secs(10);

/// The stack of a target: that of a program's main thread.
const STACK: usize = 8 << 20;

fn main() -> ExitCode {
    let seconds = number("FUZZ_SECONDS").unwrap_or(1);
    let seed = number("FUZZ_SEED").unwrap_or(1);
    let trials = TARGETS
        .iter()
        .map(|target| Trial::test(target.name, move || on_a_stack(target, Duration::from_secs(seconds), seed)))
        .collect();
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

fn number(variable: &str) -> Option<u64> {
    env::var(variable).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{variable}={text} is not a number")))
}

fn on_a_stack(target: &'static Target, time: Duration, seed: u64) -> Result<(), Failed> {
    let thread = std::thread::Builder::new().stack_size(STACK).spawn(move || fuzz(target, time, seed))?;
    thread.join().map_err(|_| Failed::from("the target's thread panicked"))?.map_err(Failed::from)
}

fn fuzz(target: &Target, time: Duration, seed: u64) -> Result<(), String> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("../fuzz");
    fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
    let mut seeds = corpus::found(target.name);
    seeds.extend((target.seeds)());
    assert!(seeds.len() > 2, "{}: only {} seeds", target.name, seeds.len());
    for input in &seeds {
        one(target, input, &folder)?;
    }
    let mut mutator = Mutator::new(seed, &seeds, target.words, LONGEST);
    let (begin, mut count) = (Instant::now(), 0_u64);
    while begin.elapsed() < time {
        let input = mutator.next();
        one(target, &input, &folder)?;
        count += 1;
    }
    println!("fuzz {}: {} seeds, {count} inputs in {} s from seed {seed}", target.name, seeds.len(), time.as_secs());
    Ok(())
}

/// Runs one input. With `FUZZ_TRACE` the input is on disk while it runs, which is slow: a stack overflow ends the process without a message, and
/// then a run with the same seed and `FUZZ_TRACE` finds the input.
fn one(target: &Target, input: &[u8], folder: &Path) -> Result<(), String> {
    let write = |ending: &str| {
        let path = folder.join(format!("{}.{ending}", target.name));
        fs::write(&path, input).map(|()| path.display().to_string()).map_err(|error| error.to_string())
    };
    if env::var_os("FUZZ_TRACE").is_some() {
        write("running")?;
    }
    let begin = Instant::now();
    let result = catch_unwind(AssertUnwindSafe(|| (target.run)(input))).unwrap_or_else(|cause| {
        let text = cause.downcast_ref::<String>().cloned();
        let text = text.or(cause.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        Err(format!("panic: {}", text.unwrap_or_default()))
    });
    let took = begin.elapsed();
    let why = match result {
        Err(why) => why,
        Ok(()) if took > PATIENCE => format!("{} bytes took {took:?}", input.len()),
        Ok(()) => return Ok(()),
    };
    Err(format!("{why}\nthe input is {}", write("failed")?))
}
