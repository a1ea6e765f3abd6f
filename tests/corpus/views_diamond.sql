-- Diamonds: two views over one table join again above, a view unions with its own ancestor, and a self-join of a view.
-- setup
CREATE TABLE ev (id integer PRIMARY KEY, u integer, kind text, amt integer);
INSERT INTO ev VALUES (1, 1, 'buy', 10), (2, 1, 'sell', 4), (3, 2, 'buy', 7), (4, 3, 'sell', 9), (5, NULL, 'buy', 1), (6, 2, NULL, 8), (7, 1, 'buy', 10);
-- view buys
SELECT u, sum(amt) AS b, count(*) AS n FROM ev WHERE kind = 'buy' GROUP BY u
-- view sells
SELECT u, sum(amt) AS s, count(*) AS n FROM ev WHERE kind = 'sell' GROUP BY u
-- view net
SELECT COALESCE(b.u, s.u) AS u, COALESCE(b.b, 0) - COALESCE(s.s, 0) AS net FROM buys b FULL JOIN sells s ON b.u = s.u
-- view net_rank
SELECT x.u, x.net, count(y.u) AS better FROM net x LEFT JOIN net y ON y.net > x.net GROUP BY x.u, x.net
-- view everything
SELECT u, n FROM buys UNION ALL SELECT u, n FROM sells UNION ALL SELECT u, net FROM net
-- view ev_of_best
SELECT ev.id, ev.kind, net.net FROM ev JOIN net ON ev.u = net.u AND net.net >= (SELECT max(net) FROM net)
-- step
INSERT INTO ev VALUES (8, 3, 'buy', 20);
-- step
UPDATE ev SET kind = 'sell' WHERE id = 1;
-- step
UPDATE ev SET u = 2 WHERE u = 1;
-- step
DELETE FROM ev WHERE kind = 'sell';
-- step
UPDATE ev SET kind = 'buy', amt = 0 WHERE kind IS NULL;
UPDATE ev SET u = 9 WHERE u IS NULL;
-- step
DELETE FROM ev;
-- step
INSERT INTO ev VALUES (1, 1, 'sell', 5), (2, 2, 'buy', 5), (3, NULL, 'sell', 5);
