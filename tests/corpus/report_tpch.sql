-- Reports in the style of TPC-H (pricing summary, revenue by nation, shipping priority, order distribution, large orders, min-cost supplier).
-- setup
CREATE TABLE nation (n_key integer PRIMARY KEY, n_name text);
CREATE TABLE customer (c_key integer PRIMARY KEY, c_name text, n_key integer, segment text);
CREATE TABLE orders (o_key integer PRIMARY KEY, c_key integer, o_date date, prio text);
CREATE TABLE lineitem (o_key integer, s_key integer, qty numeric(10,2), price numeric(12,2), disc numeric(4,2), flag text, ship date);
CREATE TABLE supplier (s_key integer PRIMARY KEY, s_name text, n_key integer, cost numeric(8,2));
INSERT INTO nation VALUES (1, 'PERU'), (2, 'CHINA'), (3, 'KENYA');
INSERT INTO customer VALUES (1, 'C1', 1, 'AUTO'), (2, 'C2', 2, 'AUTO'), (3, 'C3', 2, 'TOYS'), (4, 'C4', NULL, 'TOYS');
INSERT INTO orders VALUES (1, 1, '1995-03-01', '1-URGENT'), (2, 1, '1995-03-20', '2-HIGH'), (3, 2, '1995-02-01', '1-URGENT'), (4, 3, '1995-03-05', '5-LOW'), (5, NULL, '1995-03-05', '5-LOW');
INSERT INTO supplier VALUES (1, 'S1', 1, 5.00), (2, 'S2', 2, 4.00), (3, 'S3', 2, 4.50);
INSERT INTO lineitem VALUES (1, 1, 10.00, 1000.00, 0.05, 'A', '1995-03-10'), (1, 2, 5.00, 250.50, 0.00, 'R', '1995-03-25'), (2, 1, 1.00, 99.99, 0.10, 'N', '1995-04-01'), (3, 2, 30.00, 3000.00, 0.04, 'A', '1995-03-16'),
  (3, 2, 30.00, 3000.00, 0.04, 'A', '1995-03-16'), (4, 3, 2.00, 20.20, 0.00, 'N', NULL), (5, 3, 7.00, 70.00, 0.07, 'R', '1995-03-20');
-- view q1
SELECT flag, sum(qty) AS sum_qty, sum(price) AS base, sum(price * (1 - disc)) AS disc_price, round(avg(qty), 2) AS avg_qty, count(*) AS n FROM lineitem WHERE ship <= date '1995-03-31' GROUP BY flag
-- view q3
SELECT l.o_key, sum(l.price * (1 - l.disc)) AS rev, o.o_date FROM customer c, orders o, lineitem l WHERE c.segment = 'AUTO' AND c.c_key = o.c_key AND l.o_key = o.o_key AND o.o_date < date '1995-03-15' AND l.ship > date '1995-03-05' GROUP BY l.o_key, o.o_date ORDER BY rev DESC, o.o_date, l.o_key LIMIT 2
-- view q4
SELECT prio, count(*) AS n FROM orders o WHERE EXISTS (SELECT 1 FROM lineitem l WHERE l.o_key = o.o_key AND l.ship > o.o_date + 10) GROUP BY prio
-- view q5
SELECT n.n_name, sum(l.price * (1 - l.disc)) AS rev FROM customer c JOIN orders o ON o.c_key = c.c_key JOIN lineitem l ON l.o_key = o.o_key JOIN supplier s ON s.s_key = l.s_key AND s.n_key = c.n_key JOIN nation n ON n.n_key = s.n_key GROUP BY n.n_name
-- view q6
SELECT sum(price * disc) AS rev FROM lineitem WHERE disc BETWEEN 0.04 AND 0.07 AND qty < 24
-- view q13
SELECT orders, count(*) AS custs FROM (SELECT c.c_key, count(o.o_key) AS orders FROM customer c LEFT JOIN orders o ON o.c_key = c.c_key AND o.prio NOT LIKE '%LOW%' GROUP BY c.c_key) x GROUP BY orders
-- view q18
SELECT c.c_name, o.o_key, sum(l.qty) AS q FROM customer c JOIN orders o USING (c_key) JOIN lineitem l USING (o_key) WHERE o.o_key IN (SELECT o_key FROM lineitem GROUP BY o_key HAVING sum(qty) > 14) GROUP BY c.c_name, o.o_key
-- view q2
SELECT s.s_name, n.n_name, s.cost FROM supplier s JOIN nation n USING (n_key) WHERE s.cost = (SELECT min(x.cost) FROM supplier x WHERE x.n_key = s.n_key)
-- view q22
SELECT segment, count(*) AS n FROM customer c WHERE NOT EXISTS (SELECT 1 FROM orders o WHERE o.c_key = c.c_key) GROUP BY segment
-- view q16
SELECT n_key, count(DISTINCT s_key) AS sup FROM supplier WHERE s_key NOT IN (SELECT s_key FROM lineitem WHERE flag = 'R') GROUP BY n_key
-- step
INSERT INTO orders VALUES (6, 4, '1995-03-01', '1-URGENT');
INSERT INTO lineitem VALUES (6, 2, 20.00, 500.00, 0.06, 'R', '1995-03-30'), (2, 3, 14.00, 140.00, 0.06, 'A', '1995-03-30');
-- step
UPDATE customer SET n_key = 2, segment = 'AUTO' WHERE c_key = 4;
UPDATE supplier SET cost = 4.75 WHERE s_key = 2;
-- step
DELETE FROM lineitem WHERE o_key = 3;
DELETE FROM orders WHERE o_key = 3;
-- step
UPDATE lineitem SET disc = disc + 0.01, ship = COALESCE(ship, '1995-03-08');
UPDATE orders SET prio = '1-URGENT' WHERE prio = '5-LOW';
-- step
UPDATE orders SET c_key = 2 WHERE c_key IS NULL;
UPDATE supplier SET n_key = 1 WHERE s_key = 3;
UPDATE lineitem SET flag = 'A' WHERE s_key = 3;
-- step
DELETE FROM orders WHERE c_key = 1;
UPDATE lineitem SET flag = 'N' WHERE s_key = 2;
