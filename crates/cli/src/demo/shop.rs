//! The shop: two bronze tables and four maintained ones over them, as anybody would write them.

use super::random::Random;
use chrono::{DateTime, Utc};

pub(crate) const CUSTOMERS: u64 = 10_000;

/// Customers whose orders are only one probe's each, so that their count says whether its order arrived.
pub(crate) const FRESHNESS_PROBE: u64 = 1;
pub(crate) const RESTART_PROBE: u64 = 2;
const PROBES: u64 = 2;

pub(crate) const REGIONS: [&str; 5] = ["africa", "americas", "asia", "europe", "oceania"];

pub(crate) const TABLES: [(&str, &str); 2] = [
    (
        "customers",
        "CREATE TABLE customers (id bigint PRIMARY KEY, name text NOT NULL, region text NOT NULL, tier text NOT NULL, \
         email text NOT NULL)",
    ),
    (
        "orders",
        "CREATE TABLE orders (id bigserial PRIMARY KEY, customer_id bigint NOT NULL, amount numeric(12,2) NOT NULL, \
         currency text NOT NULL, status text NOT NULL, created_at timestamptz NOT NULL DEFAULT now())",
    ),
];

/// A maintained table, its layer, and a column of it that a recomputation cannot leave out.
pub(crate) struct View {
    pub(crate) layer: &'static str,
    pub(crate) name: &'static str,
    pub(crate) query: &'static str,
    pub(crate) computed: &'static str,
}

/// In the order in which they read each other.
pub(crate) const VIEWS: [View; 4] = [
    View {
        layer: "silver",
        name: "silver_orders",
        query: "SELECT o.id, o.customer_id, c.name AS customer, c.region, c.tier, o.amount, o.currency, o.status, \
                o.created_at, CASE WHEN o.status = 'cancelled' THEN 'cancelled' \
                WHEN o.amount > 10000 AND c.tier = 'standard' THEN 'review' ELSE 'ok' END AS flag \
                FROM orders o JOIN customers c ON c.id = o.customer_id",
        computed: "flag",
    },
    View {
        layer: "gold",
        name: "gold_revenue_by_region",
        query: "SELECT region, date_trunc('day', created_at) AS day, count(*) AS orders, sum(amount) AS revenue, \
                avg(amount) AS average, count(*) FILTER (WHERE flag = 'review') AS to_review \
                FROM silver_orders GROUP BY region, date_trunc('day', created_at)",
        computed: "revenue",
    },
    View { layer: "gold", name: "gold_customer_ltv", query: LIFETIME_VALUE, computed: "lifetime_value" },
    View {
        layer: "platinum",
        name: "platinum_top_customers",
        query: "SELECT customer_id, customer, region, lifetime_value, orders FROM gold_customer_ltv \
                ORDER BY lifetime_value DESC, customer_id LIMIT 10",
        computed: "lifetime_value",
    },
];

/// Also what the proof from outside compares: it holds no average, which DuckDB computes as a float.
pub(crate) const LIFETIME_VALUE: &str = "SELECT customer_id, customer, region, sum(amount) AS lifetime_value, \
     count(*) AS orders, max(created_at) AS last_order FROM silver_orders WHERE status <> 'cancelled' \
     GROUP BY customer_id, customer, region";

const TIERS: [&str; 4] = ["standard", "standard", "plus", "premium"];
const CURRENCIES: [&str; 3] = ["EUR", "USD", "GBP"];
const STATUSES: [&str; 4] = ["new", "paid", "shipped", "delivered"];
const MICROS_A_DAY: u64 = 86_400_000_000;

pub(crate) fn customer_csv(id: u64, random: &mut Random) -> String {
    format!("{id},Customer {id},{},{},customer{id}@example.com\n", random.pick(&REGIONS), random.pick(&TIERS))
}

/// An order of the last 90 days.
pub(crate) fn order_csv(now_micros: i64, random: &mut Random) -> String {
    let created = now_micros - (random.below(90 * MICROS_A_DAY / 1000) * 1000) as i64;
    format!(
        "{},{},{},{},{}\n",
        customer(random),
        amount(random),
        random.pick(&CURRENCIES),
        random.pick(&STATUSES),
        timestamp(created)
    )
}

/// A new order as a row of VALUES.
pub(crate) fn order_values(customer: u64, created_micros: i64, random: &mut Random) -> String {
    let currency = random.pick(&CURRENCIES);
    format!("({customer}, {}, '{currency}', 'new', '{}')", amount(random), timestamp(created_micros))
}

/// Any customer but the probes'.
pub(crate) fn customer(random: &mut Random) -> u64 {
    PROBES + 1 + random.below(CUSTOMERS - PROBES)
}

/// Mostly everyday amounts; one in a hundred is large enough to be reviewed.
fn amount(random: &mut Random) -> String {
    let cents = if random.below(100) == 0 { 1_000_000 + random.below(1_000_000) } else { 500 + random.below(50_000) };
    format!("{}.{:02}", cents / 100, cents % 100)
}

fn timestamp(micros: i64) -> String {
    let time = DateTime::<Utc>::from_timestamp_micros(micros).unwrap_or_default();
    time.format("%Y-%m-%d %H:%M:%S%.6f+00").to_string()
}
