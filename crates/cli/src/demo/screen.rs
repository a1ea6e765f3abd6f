//! What a person sees: lines that stay, and below them, on a terminal, a table redrawn in place.

use crate::output::Format;
use serde_json::{Map, Value};
use std::io::IsTerminal as _;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A progress line is renewed at most this often.
const PROGRESS: Duration = Duration::from_millis(200);

pub(crate) struct Screen {
    format: Format,
    live: bool,
    drawn: Mutex<Drawn>,
}

/// The lines below those that stay.
#[derive(Default)]
struct Drawn {
    lines: Vec<String>,
    last: Option<Instant>,
}

impl Screen {
    pub(crate) fn new(format: Format) -> Self {
        let live = format == Format::Text && std::io::stdout().is_terminal();
        Self { format, live, drawn: Mutex::default() }
    }

    /// Whether there is a table that is redrawn.
    pub(crate) fn live(&self) -> bool {
        self.live
    }

    /// A line that stays; in JSON an object with the event's name and fields.
    pub(crate) fn say(&self, event: &str, text: String, fields: &[(&str, Value)]) {
        let mut drawn = self.drawn.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = std::mem::take(&mut drawn.lines);
        let mut out = rewind(kept.len());
        match self.format {
            Format::Text => out.push_str(&format!("{text}\n")),
            Format::Json => {
                let mut object = Map::from_iter([("event".to_string(), Value::from(event))]);
                object.extend(fields.iter().map(|(name, value)| ((*name).to_string(), value.clone())));
                out.push_str(&format!("{}\n", Value::Object(object)));
            }
        }
        out.push_str(&cut(&kept));
        drawn.lines = kept;
        print(&out);
    }

    /// Replaces the lines below those that stay.
    pub(crate) fn draw(&self, lines: Vec<String>) {
        if !self.live {
            return;
        }
        let mut drawn = self.drawn.lock().unwrap_or_else(PoisonError::into_inner);
        let mut out = rewind(drawn.lines.len());
        out.push_str(&cut(&lines));
        drawn.lines = lines;
        print(&out);
    }

    /// One line on how far a step is.
    pub(crate) fn progress(&self, line: &str) {
        let mut drawn = self.drawn.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.live || drawn.last.is_some_and(|last| last.elapsed() < PROGRESS) {
            return;
        }
        let out = format!("{}{line}\n", rewind(drawn.lines.len()));
        drawn.lines = vec![line.to_string()];
        drawn.last = Some(Instant::now());
        print(&out);
    }

    /// Lets go of the lines below: they stay as they are, or go if they only told of progress.
    pub(crate) fn leave(&self) {
        let lines = std::mem::take(&mut self.drawn.lock().unwrap_or_else(PoisonError::into_inner).lines);
        if lines.len() == 1 {
            print(&rewind(1));
        }
    }
}

/// Moves to the first of the drawn lines and clears from there.
fn rewind(lines: usize) -> String {
    if lines == 0 { String::new() } else { format!("\x1b[{lines}A\r\x1b[J") }
}

/// Lines that a narrow terminal cuts instead of wrapping, so that their number is their height.
fn cut(lines: &[String]) -> String {
    if lines.is_empty() { String::new() } else { format!("\x1b[?7l{}\n\x1b[?7h", lines.join("\n")) }
}

/// A reader that went away must not end the demo before its server is stopped.
fn print(text: &str) {
    let _ = crate::output::print(text);
}

/// 1234567 as 1,234,567.
pub(crate) fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A time in the unit that suits its size.
pub(crate) fn shown(time: Duration) -> String {
    match time.as_secs_f64() * 1e3 {
        ms if ms < 10.0 => format!("{ms:.1} ms"),
        ms if ms < 10_000.0 => format!("{ms:.0} ms"),
        ms => format!("{:.1} s", ms / 1e3),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_times_read_well() {
        assert_eq!([0, 999, 1000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
        let times = [310, 12_400, 812_000, 17_400_000].map(|us| shown(Duration::from_micros(us)));
        assert_eq!(times, ["0.3 ms", "12 ms", "812 ms", "17.4 s"]);
    }
}
