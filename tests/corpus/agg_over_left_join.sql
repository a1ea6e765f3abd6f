-- Aggregates over left, right and full joins: count(*) against count(col) when matches come and go.
-- setup
CREATE TABLE team (id integer PRIMARY KEY, name text);
CREATE TABLE game (team integer, pts integer, home boolean);
INSERT INTO team VALUES (1, 'red'), (2, 'blue'), (3, 'blue'), (4, NULL);
INSERT INTO game VALUES (1, 3, true), (1, 3, true), (1, 0, false), (2, 1, NULL), (NULL, 1, true), (7, 2, false);
-- view by_team
SELECT t.id, count(*) AS c, count(g.team) AS games, COALESCE(sum(g.pts), 0) AS pts, bool_or(g.home) AS anyhome FROM team t LEFT JOIN game g ON g.team = t.id GROUP BY t.id
-- view by_name
SELECT t.name, count(g.pts) AS games, max(g.pts) AS best FROM team t LEFT JOIN game g ON g.team = t.id AND g.home GROUP BY t.name
-- view by_right
SELECT t.name, sum(g.pts) AS p FROM team t RIGHT JOIN game g ON g.team = t.id GROUP BY t.name
-- view by_full
SELECT t.name IS NULL AS unknown, count(*) AS c, count(t.id) AS ct, sum(g.pts) AS p FROM team t FULL JOIN game g ON g.team = t.id GROUP BY t.name IS NULL
-- view dist_hist
SELECT games, count(*) AS teams FROM (SELECT t.id, count(g.team) AS games FROM team t LEFT JOIN game g ON g.team = t.id GROUP BY t.id) x GROUP BY games
-- step
INSERT INTO game VALUES (3, 5, true);
-- step
INSERT INTO game VALUES (3, 5, true), (4, NULL, false);
-- step
DELETE FROM game WHERE team = 1;
UPDATE team SET name = 'green' WHERE id = 3;
-- step
UPDATE game SET team = 1 WHERE team = 3;
-- step
TRUNCATE game;
-- step
INSERT INTO game VALUES (1, 9, true), (2, 8, false);
DELETE FROM team WHERE id = 1;
INSERT INTO team VALUES (5, 'red');
-- step
DELETE FROM team;
