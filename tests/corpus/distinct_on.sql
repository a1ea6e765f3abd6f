-- DISTINCT ON: the newest row of each key, with wildcards, aliases, positions, expressions, joins and aggregates.
-- setup
CREATE TABLE dn (id integer PRIMARY KEY, k text, v integer, at timestamp);
CREATE TABLE dk (k text PRIMARY KEY, label text);
INSERT INTO dn VALUES (1, 'a', 10, '2024-01-01'), (2, 'a', 20, '2024-01-03'), (3, 'b', 5, '2024-01-02'), (4, NULL, 7, '2024-01-01'), (5, NULL, 8, '2024-01-05'), (6, 'c', NULL, '2024-01-01');
INSERT INTO dk VALUES ('a', 'A'), ('b', 'B');
-- view v_star
SELECT DISTINCT ON (k) * FROM dn ORDER BY k, at DESC, id
-- view v_list
SELECT DISTINCT ON (k) id, k AS key, v * 2 AS twice FROM dn ORDER BY key, v DESC NULLS LAST, id
-- view v_expr
SELECT DISTINCT ON (v % 2, k IS NULL) id, v FROM dn WHERE v IS NOT NULL ORDER BY v % 2, k IS NULL, v
-- view v_position
SELECT DISTINCT ON (2) id, coalesce(k, '-') AS c FROM dn ORDER BY 2, 1 DESC
-- view v_join
SELECT DISTINCT ON (d.label) n.id, d.label FROM dn n JOIN dk d ON d.k = n.k ORDER BY d.label, n.at DESC
-- view v_over
SELECT count(*) AS n, sum(v) AS s FROM (SELECT DISTINCT ON (k) k, v FROM dn ORDER BY k, id) AS x
-- view v_grouped
SELECT DISTINCT ON (n) k, count(*) AS n FROM dn GROUP BY k ORDER BY n, k
-- view v_limited
SELECT DISTINCT ON (k) k, id FROM dn ORDER BY k, id LIMIT 2
-- step
INSERT INTO dn VALUES (7, 'a', 1, '2024-02-01'), (8, 'd', 2, '2024-02-01'), (9, 'b', 50, '2023-01-01');
-- step
UPDATE dn SET at = '2025-01-01' WHERE id = 1;
DELETE FROM dn WHERE id = 5;
-- step
UPDATE dn SET k = 'b' WHERE k IS NULL;
DELETE FROM dk WHERE k = 'a';
