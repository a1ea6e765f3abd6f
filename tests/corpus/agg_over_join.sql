-- Aggregates over inner joins: join keys and group keys move, both sides change in one step, group keys from either side.
-- setup
CREATE TABLE prod (pid integer PRIMARY KEY, cat text, cost numeric(8,2));
CREATE TABLE sale (pid integer, day date, qty integer);
INSERT INTO prod VALUES (1, 'toy', 1.10), (2, 'toy', 2.20), (3, 'food', 0.50), (4, NULL, 9.99), (5, 'none', 1.00);
INSERT INTO sale VALUES (1, '2024-01-01', 3), (1, '2024-01-01', 3), (2, '2024-01-01', 1), (3, '2024-01-02', 10), (4, '2024-01-02', 1), (NULL, '2024-01-02', 5), (8, '2024-01-01', 5);
-- view by_cat
SELECT p.cat, count(*) AS n, sum(s.qty) AS q, sum(s.qty * p.cost) AS rev, max(p.cost) AS mx FROM prod p JOIN sale s ON s.pid = p.pid GROUP BY p.cat
-- view by_day
SELECT s.day, count(DISTINCT p.cat) AS cats, round(avg(p.cost * s.qty), 3) AS a FROM sale s JOIN prod p ON s.pid = p.pid GROUP BY s.day
-- view by_both
SELECT s.day, p.cat, min(s.qty) AS mn FROM sale s JOIN prod p USING (pid) GROUP BY s.day, p.cat HAVING sum(s.qty) > 2
-- view total
SELECT count(*) AS n, sum(p.cost) AS c FROM prod p JOIN sale s ON p.pid = s.pid AND s.qty > 1
-- view pair_count
SELECT a.cat, count(*) AS n FROM prod a JOIN prod b ON a.cat = b.cat GROUP BY a.cat
-- step
INSERT INTO sale VALUES (5, '2024-01-03', 2), (2, '2024-01-02', 4);
-- step
UPDATE prod SET cat = 'food' WHERE pid = 1;
-- step
UPDATE prod SET cost = cost + 1.00 WHERE cat = 'food';
UPDATE sale SET qty = qty - 1 WHERE pid = 3;
-- step
UPDATE sale SET pid = 4 WHERE pid = 1;
UPDATE prod SET cat = 'new' WHERE pid = 4;
-- step
UPDATE prod SET pid = 8 WHERE pid = 2;
DELETE FROM sale WHERE pid IS NULL;
-- step
DELETE FROM prod WHERE cat = 'new';
-- step
INSERT INTO prod VALUES (4, NULL, 0.25), (2, 'toy', 0.75);
