//! When the requests of a client may be sent. Pure: the time since the start of the client is an argument.
//!
//! All clients of an organization share 6,000 requests a minute (Apigee limits page), whichever process they are in. A process learns
//! that they are used up from a response; then none of its requests can succeed until the window ends, so all of them wait. After that
//! it sends at half of its rate, which grows again slowly: the processes divide the quota as connections divide a network.

use std::num::NonZeroU32;
use std::time::Duration;

use crate::api::retry::Backoff;
use crate::api::work_time::WorkTime;

/// The rate grows by this fraction of the full one in each window without a pause.
const GROWTH: u64 = 10;

/// The part of a pause that a server asks for, by which it is longer, so that not all processes continue at the same moment.
const SPREAD: u32 = 10;

/// The rate and the pauses of a client.
#[derive(Debug)]
pub(crate) struct Throttle {
    backoff: Backoff,
    /// Requests in a thousand seconds.
    full_rate: u32,
    /// The rate at the end of the last pause.
    rate: u32,
    /// The next request is not sent earlier.
    next: Duration,
    /// The last pause.
    from: Duration,
    until: Duration,
    /// The length of the pauses before it.
    waited: Duration,
    pauses: u64,
    random: u64,
}

/// The permission to send one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Turn {
    /// Not earlier than this.
    pub at: Duration,
    /// The number of pauses when it was given. Another pause revokes it.
    pauses: u64,
}

/// What follows from a response that says that the quota is used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// All requests wait this long from now on.
    Begun(Duration),
    /// All requests wait already.
    Known,
    /// The client has waited this long, and may not wait once more.
    Exhausted(Duration),
}

impl Throttle {
    /// At most `per_second` requests a second. `seed` decides the length of pauses.
    pub(crate) fn new(per_second: NonZeroU32, backoff: Backoff, seed: u64) -> Self {
        let full_rate = per_second.get().saturating_mul(1000);
        let zero = Duration::ZERO;
        Self {
            backoff,
            full_rate,
            rate: full_rate,
            next: zero,
            from: zero,
            until: zero,
            waited: zero,
            pauses: 0,
            random: seed,
        }
    }

    /// The turn of the next request.
    pub(crate) fn turn(&mut self, now: Duration) -> Turn {
        let at = self.next.max(self.until).max(now);
        self.next = at + Duration::from_secs(1000) / self.rate_at(at).max(1);
        Turn { at, pauses: self.pauses }
    }

    /// Whether the request may still be sent.
    pub(crate) fn is_due(&self, turn: Turn, now: Duration) -> bool {
        turn.pauses == self.pauses && turn.at <= now && self.until <= now
    }

    /// Handles a response that says that the quota is used up; `asked` is the pause that the server asks for.
    pub(crate) fn refuse(&mut self, now: Duration, asked: Option<Duration>) -> Refusal {
        let asked = asked.map(|asked| asked.min(self.backoff.longest_asked));
        if now < self.until {
            // A request that was sent before the pause began. The window is the same one.
            let until = asked.map_or(self.until, |asked| self.until.max(now + asked));
            if self.waited + until.saturating_sub(self.from) <= self.backoff.quota_wait {
                self.until = until;
            }
            return Refusal::Known;
        }
        let pause = match asked {
            Some(asked) => asked + asked / SPREAD * self.permille() / 1000,
            // Where the window ends is unknown. A pause of at least half of it, so that the processes do not all try again in the same
            // window, and of random length, so that they do not continue together.
            None => self.backoff.quota_window * (500 + self.permille() / 2) / 1000,
        };
        let waited = self.waited + self.until.saturating_sub(self.from);
        if waited + pause > self.backoff.quota_wait {
            return Refusal::Exhausted(waited);
        }
        self.waited = waited;
        let slowest = self.full_rate.min(1000);
        self.rate = (self.rate_at(now) / 2).max(slowest);
        (self.from, self.until, self.next) = (now, now + pause, now + pause);
        self.pauses += 1;
        Refusal::Begun(pause)
    }

    /// How many pauses have begun.
    pub(crate) fn pauses(&self) -> u64 {
        self.pauses
    }

    /// The time without the pauses.
    pub(crate) fn work_time(&self, now: Duration) -> WorkTime {
        let paused = self.waited + now.min(self.until).saturating_sub(self.from);
        WorkTime::new(now.saturating_sub(paused))
    }

    /// How long it takes until a moment, if no other pause begins.
    pub(crate) fn time_until(&self, moment: WorkTime, now: Duration) -> Duration {
        moment.since(self.work_time(now)) + self.until.saturating_sub(now)
    }

    /// The rate at a time.
    fn rate_at(&self, at: Duration) -> u32 {
        let grown = at.saturating_sub(self.until).as_millis() * u128::from(self.full_rate)
            / (self.backoff.quota_window.as_millis().max(1) * u128::from(GROWTH));
        u32::try_from(grown).unwrap_or(u32::MAX).saturating_add(self.rate).min(self.full_rate)
    }

    /// A random number from 0 to 1000 (SplitMix64).
    fn permille(&mut self) -> u32 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        u32::try_from((mixed ^ (mixed >> 31)) % 1001).unwrap_or(1000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn throttle(per_second: u32) -> Throttle {
        Throttle::new(per_second.try_into().unwrap(), Backoff::default(), 7)
    }

    fn begun(refusal: Refusal) -> Duration {
        match refusal {
            Refusal::Begun(pause) => pause,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn requests_are_spaced() {
        let mut throttle = throttle(10);
        let turns: Vec<u128> = (0..4).map(|_| throttle.turn(s(1)).at.as_millis()).collect();
        assert_eq!(turns, [1000, 1100, 1200, 1300]);
        assert_eq!(throttle.turn(s(9)).at, s(9), "time that was not used is not saved");
    }

    #[test]
    fn a_pause_is_for_all_and_ends_within_the_window() {
        for seed in 0..50 {
            let mut throttle = Throttle::new(10.try_into().unwrap(), Backoff::default(), seed);
            let early = throttle.turn(s(100));
            assert!(throttle.is_due(early, s(100)));
            let pause = begun(throttle.refuse(s(100), None));
            assert!(pause >= s(30) && pause <= s(60), "{pause:?}");
            assert!(!throttle.is_due(early, s(100)) && !throttle.is_due(early, s(100) + pause), "a turn from before");
            let turn = throttle.turn(s(101));
            assert_eq!(turn.at, s(100) + pause);
            assert!(!throttle.is_due(turn, s(110)) && throttle.is_due(turn, turn.at));
        }
    }

    #[test]
    fn processes_do_not_continue_together() {
        let pause = |seed| begun(Throttle::new(10.try_into().unwrap(), Backoff::default(), seed).refuse(s(0), None));
        let mut pauses: Vec<u128> = (0..100).map(|seed| pause(seed).as_millis()).collect();
        pauses.sort_unstable();
        assert!(pauses[0] < 34_000 && pauses[99] > 56_000, "{pauses:?}");
        pauses.dedup();
        assert!(pauses.len() > 80, "{pauses:?}");
    }

    #[test]
    fn what_a_server_asks_for_is_kept_within_limits() {
        let pause = |asked| begun(throttle(10).refuse(s(0), Some(asked)));
        for asked in [s(1), s(7), s(60)] {
            assert!(pause(asked) >= asked && pause(asked) <= asked + asked / 10, "{asked:?}: {:?}", pause(asked));
        }
        assert!(pause(s(100_000)) <= s(66), "{:?}", pause(s(100_000)));
    }

    #[test]
    fn answers_to_earlier_requests_make_no_second_pause() {
        let mut throttle = throttle(10);
        let pause = begun(throttle.refuse(s(10), None));
        assert_eq!(throttle.refuse(s(11), None), Refusal::Known);
        assert_eq!(throttle.pauses(), 1);
        assert_eq!(throttle.turn(s(12)).at, s(10) + pause);
        assert_eq!(throttle.refuse(s(12), Some(s(60))), Refusal::Known);
        let turn = throttle.turn(s(12));
        assert!(turn.at >= s(72), "a longer pause counts: {turn:?}");
        assert!(throttle.is_due(turn, turn.at));
    }

    #[test]
    fn after_a_pause_the_rate_is_half_and_grows() {
        let backoff = Backoff { quota_wait: Duration::from_hours(1), ..Backoff::default() };
        let mut throttle = Throttle::new(40.try_into().unwrap(), backoff, 7);
        let gap = |throttle: &mut Throttle, now| {
            let first = throttle.turn(now).at;
            throttle.turn(now).at.saturating_sub(first)
        };
        assert_eq!(gap(&mut throttle, s(0)), Duration::from_millis(25));
        let end = s(1) + begun(throttle.refuse(s(1), None));
        assert_eq!(gap(&mut throttle, end), Duration::from_millis(50), "half");
        assert_eq!(gap(&mut throttle, end + s(60)).as_micros(), 41_666, "a tenth of the full rate more: 24 a second");
        assert_eq!(gap(&mut throttle, end + s(600)), Duration::from_millis(25), "the full rate at most");
        let mut now = end + s(600);
        for _ in 0..20 {
            now = now + begun(throttle.refuse(now, None));
        }
        assert_eq!(gap(&mut throttle, now), s(1), "one request a second at least");
    }

    #[test]
    fn the_clock_of_deadlines_stands_still_in_a_pause() {
        let mut throttle = throttle(10);
        let deadline = throttle.work_time(s(10)) + s(5);
        assert_eq!(throttle.time_until(deadline, s(12)), s(3));
        let pause = begun(throttle.refuse(s(12), None));
        let at_start = throttle.work_time(s(12));
        assert_eq!(throttle.work_time(s(20)), at_start);
        assert_eq!(throttle.time_until(deadline, s(20)), pause.saturating_sub(s(8)) + s(3));
        assert_eq!(throttle.work_time(s(12) + pause), at_start);
        assert_eq!(throttle.work_time(s(14) + pause).since(at_start), s(2));
        let again = s(14) + pause;
        let second = begun(throttle.refuse(again, None));
        assert_eq!(throttle.work_time(again + second).since(at_start), s(2), "the pauses add up");
        assert_eq!(throttle.time_until(deadline, again + second), s(1));
    }

    #[test]
    fn the_pauses_have_an_end() {
        let backoff = Backoff { quota_wait: s(100), ..Backoff::default() };
        let mut throttle = Throttle::new(10.try_into().unwrap(), backoff, 1);
        let first = begun(throttle.refuse(s(0), Some(s(60))));
        assert_eq!(throttle.refuse(s(1), Some(s(60))), Refusal::Known);
        assert_eq!(throttle.refuse(s(70), Some(s(60))), Refusal::Exhausted(first.max(s(61))));
        let turn = throttle.turn(s(70));
        assert!(throttle.is_due(turn, s(70)), "what other requests need may be tried");
        let none = Backoff { quota_wait: Duration::ZERO, ..Backoff::default() };
        let mut throttle = Throttle::new(10.try_into().unwrap(), none, 1);
        assert_eq!(throttle.refuse(s(1), None), Refusal::Exhausted(Duration::ZERO));
    }
}
