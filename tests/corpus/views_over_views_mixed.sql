-- Views over views with each operator in between: union of views, distinct over a view, semi join against a view, top-k over top-k, window over a view.
-- setup
CREATE TABLE log (id integer PRIMARY KEY, host text, lvl integer, msg text);
CREATE TABLE host (name text PRIMARY KEY, dc text);
INSERT INTO log VALUES (1, 'h1', 3, 'disk'), (2, 'h1', 3, 'disk'), (3, 'h2', 1, 'net'), (4, NULL, 2, 'disk'), (5, 'h3', 3, NULL), (6, 'h9', 5, 'cpu');
INSERT INTO host VALUES ('h1', 'east'), ('h2', 'west'), ('h3', 'east'), ('h4', NULL);
-- view bad
SELECT id, host, msg FROM log WHERE lvl >= 3
-- view bad_by_host
SELECT host, count(*) AS n, count(DISTINCT msg) AS kinds FROM bad GROUP BY host
-- view clean_hosts
SELECT name, dc FROM host WHERE name NOT IN (SELECT host FROM bad_by_host WHERE host IS NOT NULL)
-- view dc_bad
SELECT h.dc, sum(b.n) AS n FROM host h JOIN bad_by_host b ON b.host = h.name GROUP BY h.dc
-- view dc_state
SELECT dc, 'bad' AS state FROM dc_bad UNION SELECT dc, 'clean' FROM clean_hosts
-- view dc_mixed
SELECT dc FROM dc_state GROUP BY dc HAVING count(*) = 2
-- view worst3
SELECT host, n FROM bad_by_host ORDER BY n DESC, host NULLS LAST LIMIT 3
-- view worst1
SELECT host FROM worst3 ORDER BY host LIMIT 1
-- view worst_msgs
SELECT DISTINCT msg FROM bad WHERE host IN (SELECT host FROM worst1)
-- view ranked
SELECT host, n, rank() OVER (ORDER BY n DESC) AS r FROM bad_by_host
-- view rest
SELECT name FROM host EXCEPT SELECT host FROM worst3
-- step
INSERT INTO log VALUES (7, 'h2', 4, 'net'), (8, 'h2', 4, 'cpu'), (9, 'h2', 4, 'cpu');
-- step
UPDATE log SET lvl = 0 WHERE host = 'h1';
-- step
UPDATE host SET dc = 'east' WHERE dc IS NULL OR dc = 'west';
INSERT INTO log VALUES (10, 'h4', 9, 'fan');
-- step
UPDATE log SET host = 'h1', lvl = 3 WHERE host IS NULL;
DELETE FROM log WHERE host = 'h2';
-- step
UPDATE host SET name = 'h9', dc = 'south' WHERE name = 'h3';
-- step
DELETE FROM log WHERE lvl > 2;
-- step
UPDATE log SET lvl = 3;
