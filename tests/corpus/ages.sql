-- Differences of times are days and what is left of them, and intervals compare with 30 days to the month.
-- setup
CREATE TABLE orders (id int PRIMARY KEY, customer int, at timestamptz, shipped timestamp, due date);
CREATE TABLE limits (customer int PRIMARY KEY, days int);
INSERT INTO limits VALUES (1, 20), (2, 5), (3, NULL);
INSERT INTO orders VALUES
  (1, 1, '2026-01-01 10:00+00', '2026-01-03 09:30', '2026-01-05'), (2, 1, '2026-01-31 23:59:59.5+00', '2026-03-02 00:00', '2026-02-01'),
  (3, 2, '2026-02-09 12:00+00', '2026-02-08 11:00', NULL), (4, 2, NULL, '2026-02-09', '2026-02-10'), (5, 3, '2025-12-31 00:00+00', NULL, '2026-01-30');
-- view old
SELECT id FROM orders WHERE timestamptz '2026-02-10' - at > interval '30 days' OR at - '2026-02-01' BETWEEN '-1 day' AND interval '8 days 13 hours'
-- view shown
SELECT id, (timestamptz '2026-02-10' - at)::text AS age, 'late by ' || (shipped - due) AS late, (shipped - timestamp '2026-02-01')::text AS since,
  extract(epoch FROM shipped - due)::bigint AS seconds, extract(day FROM shipped - due)::int AS days, (due - date '2026-01-01') AS plain
FROM orders
-- view states
SELECT customer, CASE WHEN timestamptz '2026-02-10' - max(at) > interval '15 days' THEN 'churned' ELSE 'active' END AS state,
  max(at) - min(at) > interval '1 month' AS long, (max(at) - min(at))::text AS span
FROM orders GROUP BY customer HAVING max(at) - min(at) >= '0 s' OR count(at) = 0
-- view against
SELECT o.id, l.customer FROM orders o JOIN limits l ON o.customer = l.customer AND timestamptz '2026-02-10' - o.at > l.days * interval '1 day'
-- view same
SELECT id, interval '24 hours' = interval '1 day' AS a, (shipped - due) IN (interval '24 hours', interval '-24 hours') AS b,
  nullif(shipped - due, interval '-1 day')::text AS c, (shipped - due) IS DISTINCT FROM interval '48 hours' AS d,
  interval '1 month' = interval '30 days' AS e, (due - timestamp '2026-01-01') * 2 <= interval '2 mons' AS f
FROM orders
-- view patterns
SELECT id, id::text SIMILAR TO '(1|2)' AS a, due::text SIMILAR TO '2026-0_-%' AS b, due::text NOT SIMILAR TO '%-0[15]' AS c FROM orders
-- view texts
SELECT customer, array_agg(id ORDER BY id)::text AS ids, array_agg(due::text ORDER BY id)::text AS dates FROM orders GROUP BY customer
-- step
UPDATE orders SET at = at + interval '20 days' WHERE id IN (1, 5);
INSERT INTO orders VALUES (6, 2, '2026-02-10 00:00:00.000001+00', '2026-02-10', '2026-02-09');
-- step
UPDATE limits SET days = 1 WHERE customer = 2;
DELETE FROM orders WHERE timestamptz '2026-02-10' - at < interval '1 day';
-- step
UPDATE orders SET shipped = due + interval '1 month -30 days' WHERE due IS NOT NULL;
INSERT INTO orders VALUES (7, 4, NULL, NULL, NULL);
-- step
DELETE FROM orders WHERE customer = 1;
