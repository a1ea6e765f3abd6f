use bytes::Bytes;
use futures::{SinkExt, pin_mut};
use std::fmt::Write;
use tokio_postgres::Client;

/// The views, each after what it reads.
pub const VIEWS: [(&str, &str); 4] = [
    (
        "silver_orders",
        "SELECT o.id AS order_id, o.customer_id, c.name AS customer_name, c.region, c.tier AS customer_tier, o.amount, \
         o.currency, o.status, o.created_at, \
         CASE WHEN o.amount > 10000 AND c.tier = 'standard' THEN true ELSE false END AS flagged_for_review \
         FROM orders o JOIN customers c ON c.id = o.customer_id",
    ),
    (
        "gold_revenue_by_region",
        "SELECT region, date_trunc('day', created_at) AS day, count(*) AS order_count, sum(amount) AS revenue, \
         avg(amount) AS avg_order_value, count(*) FILTER (WHERE flagged_for_review) AS flagged_count \
         FROM silver_orders WHERE status <> 'cancelled' GROUP BY region, date_trunc('day', created_at)",
    ),
    (
        "gold_customer_ltv",
        "SELECT customer_id, customer_name, region, sum(amount) AS lifetime_value, count(*) AS total_orders, \
         max(created_at) AS last_order_at FROM silver_orders WHERE status <> 'cancelled' \
         GROUP BY customer_id, customer_name, region",
    ),
    (
        "platinum_top_customers",
        "SELECT region, customer_id, customer_name, lifetime_value FROM gold_customer_ltv \
         ORDER BY lifetime_value DESC LIMIT 10",
    ),
];

const CUSTOMERS: u64 = 10_000;

/// Tables, customers, and the views, empty.
pub async fn create(client: &Client) {
    let tables = "CREATE TABLE orders (id bigserial PRIMARY KEY, customer_id bigint NOT NULL, amount numeric(12,2) NOT NULL, \
                  currency text NOT NULL DEFAULT 'USD', status text NOT NULL DEFAULT 'pending', \
                  created_at timestamptz NOT NULL DEFAULT now()); \
                  CREATE TABLE customers (id bigint PRIMARY KEY, name text NOT NULL, region text NOT NULL, \
                  tier text NOT NULL DEFAULT 'standard', email text)";
    client.batch_execute(tables).await.unwrap();
    let customers = "INSERT INTO customers SELECT i, 'customer ' || i, 'region ' || (i % 7), 'standard', NULL \
                     FROM generate_series(1, 10000) AS g(i)";
    client.batch_execute(customers).await.unwrap();
    for (name, query) in VIEWS {
        client.batch_execute(&format!("CREATE MATERIALIZED VIEW {name} AS {query}")).await.unwrap();
    }
}

/// A generator that gives the same numbers each time (xorshift, Marsaglia 2003).
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

/// COPY of that many orders.
pub async fn copy_orders(client: &Client, orders: u64, seed: u64) {
    copy_text(client, orders_text(orders, seed)).await;
}

/// Orders of 84 days as csv, made before the clock starts.
pub fn orders_text(orders: u64, seed: u64) -> String {
    let mut random = Random::new(42 * seed);
    let mut text = String::with_capacity(orders as usize * 56);
    for _ in 0..orders {
        let status = ["pending", "shipped", "cancelled"][random.below(3) as usize];
        let (customer, cents) = (1 + random.below(CUSTOMERS), random.below(2_000_000));
        let (month, day, second) = (8 + random.below(3), 1 + random.below(28), random.below(86_400));
        let _ = writeln!(
            text,
            "{customer},{}.{:02},{status},2026-{month:02}-{day:02} {:02}:{:02}:{:02}+00",
            cents / 100,
            cents % 100,
            second / 3600,
            second / 60 % 60,
            second % 60
        );
    }
    text
}

pub async fn copy_text(client: &Client, text: String) {
    let sql = "COPY orders (customer_id, amount, status, created_at) FROM STDIN WITH (FORMAT csv)";
    let sink: tokio_postgres::CopyInSink<Bytes> = client.copy_in(sql).await.unwrap();
    pin_mut!(sink);
    let mut rest = Bytes::from(text);
    while !rest.is_empty() {
        sink.send(rest.split_to(rest.len().min(1 << 16))).await.unwrap();
    }
    sink.finish().await.unwrap();
}

/// What gold says of the number of orders.
pub async fn total(client: &Client) -> i64 {
    value(client, "SELECT sum(order_count)::bigint FROM gold_revenue_by_region").await
}

pub async fn value(client: &Client, sql: &str) -> i64 {
    client.query_one(sql, &[]).await.unwrap().get::<_, Option<i64>>(0).unwrap_or(0)
}

/// An aggregate over every column of a view that its query computes.
pub fn touch_columns(view: &str) -> String {
    let columns: &[&str] = match view {
        "silver_orders" => {
            &["order_id", "customer_name", "region", "customer_tier", "amount", "currency", "status", "created_at"]
        }
        "gold_revenue_by_region" => &["region", "day", "order_count", "revenue", "avg_order_value", "flagged_count"],
        "gold_customer_ltv" => &["customer_name", "lifetime_value", "total_orders", "last_order_at"],
        _ => &["region", "customer_name", "lifetime_value"],
    };
    columns.iter().map(|c| format!("max(q.{c})")).collect::<Vec<_>>().join(", ")
}

/// Statements by which the orders `first..=last` get other amounts, statuses and customers, `each` rows a statement.
pub fn upserts(first: u64, last: u64, each: u64) -> Vec<String> {
    let mut random = Random::new(99 + first);
    let statement = |from: u64| {
        let values: Vec<String> = (from..from + each.min(last + 1 - from))
            .map(|id| format!("({id}, {}, {}.50, 'shipped')", 1 + random.below(CUSTOMERS), random.below(9000)))
            .collect();
        format!(
            "INSERT INTO orders (id, customer_id, amount, status) VALUES {} ON CONFLICT (id) DO UPDATE \
             SET customer_id = excluded.customer_id, amount = excluded.amount, status = excluded.status",
            values.join(", ")
        )
    };
    (first..=last).step_by(each as usize).map(statement).collect()
}

/// One statement that adds 100 orders.
pub fn hundred_orders() -> String {
    let values: Vec<String> = (1..=100).map(|i| format!("({i}, {i}.25)")).collect();
    format!("INSERT INTO orders (customer_id, amount) VALUES {}", values.join(", "))
}
