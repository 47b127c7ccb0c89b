//! How many requests a fleet costs.

use pulse_sim::Fleet;

use crate::lab::Setup;

/// Requests per 10 s that an instance of 20 nodes and 800 guests may cost on average.
const BUDGET: f64 = 150.0;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_fleet_stays_within_its_request_budget() {
    let cycles = 66;
    let mut lab = Setup::of(Fleet::L).build().await;
    let report = lab.run(cycles).await;
    let counted: u64 = lab.sim.requests().iter().map(|c| c.count).sum();
    let average = counted as f64 / f64::from(cycles + 1);
    println!("fleet L: {counted} requests in {cycles} cycles of 10 s: {average:.1} a cycle");
    let mut each = lab.sim.requests();
    each.sort_by_key(|c| std::cmp::Reverse(c.count));
    for count in &each {
        let per_cycle = count.count as f64 / f64::from(cycles + 1);
        println!("  {per_cycle:6.1}  {}", count.path);
    }
    assert!(average <= BUDGET, "{average}");
    // Both sides count the same.
    assert_eq!(lab.meter.requests(), counted);
    assert_eq!((report.nodes.len(), report.notes.len()), (20, 0));
    // And the money is spent on something: nearly every agent was asked within ten minutes.
    let running: Vec<_> = report
        .guests
        .iter()
        .flatten()
        .filter(|g| g.status.is_running())
        .collect();
    let unasked = running
        .iter()
        .filter(|g| {
            if g.kind.is_vm() {
                g.disk.used.reason() == Some(pulse_core::Unknown::NotReported)
            } else {
                g.os_name.is_empty()
            }
        })
        .count();
    assert!(
        unasked * 50 < running.len(),
        "{unasked} of {}",
        running.len()
    );
}
