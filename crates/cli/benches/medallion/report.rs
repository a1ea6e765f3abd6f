use std::time::Duration;

/// Figures as they come, printed as a table at the end.
pub struct Report {
    orders: u64,
    lines: Vec<(String, String)>,
}

impl Report {
    pub fn new(orders: u64) -> Self {
        Self { orders, lines: vec![] }
    }

    pub fn note(&mut self, what: &str, figure: &str) {
        eprintln!("{what}: {figure}");
        self.lines.push((what.to_string(), figure.to_string()));
    }

    pub fn rate(&mut self, what: &str, count: u64, time: Duration, unit: &str) {
        let rate = count as f64 / time.as_secs_f64();
        self.note(what, &format!("{rate:.0} {unit} ({count} in {:.2} s)", time.as_secs_f64()));
    }

    pub fn median(&mut self, what: &str, mut times: Vec<Duration>) {
        times.sort();
        let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
        let figure = match times.len() {
            1 => format!("{:.1} ms", at(0.0)),
            n => format!("p50 {:.2} ms, p99 {:.2} ms ({n} times)", at(0.5), at(0.99)),
        };
        self.note(what, &figure);
    }

    pub fn print(&self) {
        println!("| {} orders | |\n|---|---|", self.orders);
        for (what, figure) in &self.lines {
            println!("| {what} | {figure} |");
        }
    }
}
