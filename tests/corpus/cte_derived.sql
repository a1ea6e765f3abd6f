-- CTEs (chained, used twice) and derived tables, nested three deep.
-- setup
CREATE TABLE sale (id integer PRIMARY KEY, shop text, prod text, qty integer, price numeric(8,2));
INSERT INTO sale VALUES (1, 's1', 'p1', 2, 5.00), (2, 's1', 'p2', 1, 7.50), (3, 's2', 'p1', 4, 4.75), (4, 's2', NULL, 3, 1.00), (5, NULL, 'p3', 10, 0.99), (6, 's1', 'p1', 1, 5.00);
-- view c_one
WITH big AS (SELECT shop, prod, qty * price AS total FROM sale WHERE qty > 1) SELECT shop, sum(total) AS t, count(*) AS n FROM big GROUP BY shop
-- view c_chain
WITH a AS (SELECT shop, prod, sum(qty) AS q FROM sale GROUP BY shop, prod), b AS (SELECT shop, max(q) AS mq FROM a GROUP BY shop) SELECT a.shop, a.prod, a.q FROM a JOIN b ON a.shop = b.shop AND a.q = b.mq
-- view c_twice
WITH x AS (SELECT shop, sum(qty) AS q FROM sale GROUP BY shop) SELECT l.shop AS ls, r.shop AS rs, l.q - r.q AS diff FROM x l JOIN x r ON l.q > r.q
-- view c_derived
SELECT z.prod, z.m FROM (SELECT y.prod, max(y.t) AS m FROM (SELECT prod, shop, sum(qty * price) AS t FROM sale GROUP BY prod, shop) y GROUP BY y.prod) z WHERE z.m > 6
-- view c_union
WITH s1 AS (SELECT prod FROM sale WHERE shop = 's1'), s2 AS (SELECT prod FROM sale WHERE shop = 's2') SELECT prod, 'both' AS w FROM s1 INTERSECT SELECT prod, 'both' FROM s2
-- view c_columns
WITH w(name, amount) AS (SELECT COALESCE(shop, 'web'), qty FROM sale) SELECT name, sum(amount) AS amount FROM w GROUP BY name
-- step
INSERT INTO sale VALUES (7, 's3', 'p2', 6, 2.50), (8, 's2', 'p2', 1, 7.25);
-- step
UPDATE sale SET qty = 10 WHERE id = 6;
-- step
UPDATE sale SET shop = 's2' WHERE shop = 's1' AND prod = 'p1';
-- step
DELETE FROM sale WHERE shop = 's2';
-- step
UPDATE sale SET shop = NULL, prod = 'p2';
-- step
TRUNCATE sale;
INSERT INTO sale VALUES (1, 's1', 'x', 3, 3.00), (2, 's2', 'x', 3, 3.00), (3, 's2', 'y', 4, 1.00);
