-- Joins over aggregates: a detail row joined to its group's totals, group disappearing, left join over an aggregate.
-- setup
CREATE TABLE it (id integer PRIMARY KEY, k integer, v integer);
CREATE TABLE dim (k integer, name text);
INSERT INTO it VALUES (1, 1, 10), (2, 1, 20), (3, 2, 5), (4, NULL, 7), (5, 3, NULL);
INSERT INTO dim VALUES (1, 'one'), (1, 'uno'), (2, 'two'), (4, 'four'), (NULL, 'null');
-- view detail_share
SELECT i.id, i.v, s.tot, s.n FROM it i JOIN (SELECT k, sum(v) AS tot, count(*) AS n FROM it GROUP BY k) s ON i.k = s.k
-- view named
SELECT d.name, s.tot FROM dim d JOIN (SELECT k, sum(v) AS tot FROM it GROUP BY k) s ON s.k = d.k
-- view named_left
SELECT d.name, COALESCE(s.n, 0) AS n, s.mx FROM dim d LEFT JOIN (SELECT k, count(*) AS n, max(v) AS mx FROM it GROUP BY k) s ON s.k = d.k
-- view on_agg_value
SELECT d.name, s.k FROM dim d JOIN (SELECT k, count(*) AS n FROM it GROUP BY k) s ON s.n = d.k
-- view two_aggs
SELECT a.k, a.n, b.names FROM (SELECT k, count(*) AS n FROM it GROUP BY k) a JOIN (SELECT k, count(*) AS names, min(name) AS first FROM dim GROUP BY k) b ON a.k = b.k
-- view two_aggs_full
SELECT COALESCE(a.k, b.k) AS k, a.s, b.mx FROM (SELECT k, sum(v) AS s FROM it GROUP BY k) a FULL JOIN (SELECT k, max(name) AS mx FROM dim GROUP BY k) b ON a.k = b.k
-- view cross_global
SELECT i.id, g.mx - i.v AS d FROM it i CROSS JOIN (SELECT max(v) AS mx FROM it) g
-- step
INSERT INTO it VALUES (6, 4, 1), (7, 2, 2);
-- step
DELETE FROM it WHERE k = 1;
-- step
UPDATE it SET k = 1 WHERE id IN (3, 4);
INSERT INTO dim VALUES (3, 'three');
-- step
UPDATE dim SET k = 3 WHERE k = 1;
-- step
UPDATE it SET v = 100 WHERE v IS NULL;
UPDATE it SET id = id * 10;
-- step
DELETE FROM it;
-- step
INSERT INTO it VALUES (1, 2, 2), (2, NULL, 3), (3, 3, 3);
UPDATE dim SET k = 2 WHERE name = 'null';
