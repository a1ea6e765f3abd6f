-- numeric(p,2) arithmetic: products, sums, rounding, division (rounded to 4), negative amounts, comparisons across scales.
-- setup
CREATE TABLE inv (id integer PRIMARY KEY, cust text, net numeric(12,2), vat numeric(4,2), qty integer);
INSERT INTO inv VALUES (1, 'a', 100.00, 0.19, 1), (2, 'a', 0.01, 0.07, 3), (3, 'b', -50.55, 0.19, 2), (4, 'b', NULL, 0.19, 1), (5, NULL, 9999999999.99, 0.00, 1), (6, 'c', 0.00, 0.25, 0);
-- view m_gross
SELECT id, net * (1 + vat) AS gross, round(net * (1 + vat), 2) AS r2, net * qty AS line, net - net * vat AS less FROM inv
-- view m_div
SELECT id, round(net / qty, 4) AS per, round(net / 3, 4) AS third FROM inv WHERE qty <> 0
-- view m_sum
SELECT cust, sum(net) AS s, sum(net * vat) AS v, max(net) AS mx, avg(net)::numeric(20,4) AS a FROM inv GROUP BY cust
-- view m_share
SELECT cust, round(100 * sum(net) / sum(qty), 2) AS pct FROM inv GROUP BY cust HAVING sum(qty) > 0
-- view m_cmp
SELECT id FROM inv WHERE net = 100 OR net < 0.010 OR vat IN (0.070, 0.25)
-- view m_cast
SELECT id, net::integer AS i, net::numeric(14,1) AS n1, net::text AS t, qty + vat AS qv, qty * 1.5 AS q15 FROM inv WHERE abs(net) < 1000000
-- view m_fn
SELECT id, abs(net) AS a, floor(net) AS f, ceil(net) AS c, sign(net)::integer AS sg, mod(qty, 2) AS m FROM inv
-- step
INSERT INTO inv VALUES (7, 'a', 0.10, 0.19, 7), (8, 'c', 2.50, 0.25, 4);
-- step
UPDATE inv SET net = net * 2 WHERE cust = 'b';
-- step
UPDATE inv SET vat = vat + 0.01, qty = qty + 1;
-- step
DELETE FROM inv WHERE net > 1000;
UPDATE inv SET net = 0.005 WHERE net IS NULL;
-- step
UPDATE inv SET cust = 'a';
-- step
DELETE FROM inv WHERE id <> 6;
