//! From sending an INSERT to another connection seeing it in gold.

use crate::report::Report;
use crate::server::Server;
use crate::shop;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// 10,000 changes a second, in transactions of 100 rows.
const PAUSE: Duration = Duration::from_millis(10);
const INSERTS: usize = 1_000;
const WRITERS: usize = 4;

/// Writers send at their times, whether or not the last answer came; one reader asks for gold's total all the time.
/// With `beside`, that query runs again and again.
pub async fn measure(server: &Server, beside: Option<&'static str>, report: &mut Report) {
    let reader = server.connect().await;
    let before = shop::total(&reader).await;
    let done = Arc::new(AtomicBool::new(false));
    let heavy = beside.map(|sql| {
        let done = Arc::clone(&done);
        let client = server.connect();
        async move {
            let client = client.await;
            let mut runs = 0;
            while !done.load(Ordering::Relaxed) {
                client.simple_query(sql).await.unwrap();
                runs += 1;
            }
            runs
        }
    });
    let start = Instant::now() + Duration::from_millis(50);
    let mut writers = vec![];
    for writer in 0..WRITERS {
        let client = server.connect().await;
        writers.push(tokio::spawn(async move {
            let mut late = 0;
            for i in (writer..INSERTS).step_by(WRITERS) {
                let due = start + PAUSE * i as u32;
                match due.checked_duration_since(Instant::now()) {
                    Some(wait) => tokio::time::sleep(wait).await,
                    None => late += 1,
                }
                client.simple_query(&shop::hundred_orders()).await.unwrap();
            }
            late
        }));
    }
    let watch = watch(reader, before, start);
    let all = async {
        let mut late = 0;
        for writer in writers {
            late += writer.await.unwrap();
        }
        late
    };
    let run = async { tokio::join!(watch, all) };
    let ((times, late), runs) = match heavy {
        None => (run.await, 0),
        Some(heavy) => {
            let measured = async {
                let outcome = run.await;
                done.store(true, Ordering::Relaxed);
                outcome
            };
            tokio::join!(measured, heavy)
        }
    };
    let what = if beside.is_some() { ", beside a heavy SELECT" } else { "" };
    report.median(&format!("10,000 changes/s: INSERT until another connection sees it in gold{what}"), times);
    report.note(&format!("of {INSERTS} such INSERTs, sent late{what}"), &late.to_string());
    if beside.is_some() {
        report.note("heavy SELECTs that ran meanwhile", &runs.to_string());
    }
}

/// For each INSERT in the order of their times, how long after its time gold held it. INSERTs are alike, so that the
/// total tells how many are in.
async fn watch(reader: tokio_postgres::Client, before: i64, start: Instant) -> Vec<Duration> {
    let mut times: Vec<Duration> = vec![];
    while times.len() < INSERTS {
        let seen = ((shop::total(&reader).await - before) / 100) as usize;
        let now = Instant::now();
        while times.len() < seen.min(INSERTS) {
            times.push(now.saturating_duration_since(start + PAUSE * times.len() as u32));
        }
    }
    times
}
