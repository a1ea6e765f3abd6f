-- UPDATE FROM, DELETE USING, INSERT SELECT with joins: the data moved depends on the other table.
-- setup
CREATE TABLE acc (id integer PRIMARY KEY, bal numeric(10,2), tier text);
CREATE TABLE chg (id integer PRIMARY KEY, acc integer, amt numeric(10,2));
CREATE TABLE arch (id integer, amt numeric(10,2));
INSERT INTO acc VALUES (1, 100.00, 'gold'), (2, 0.50, 'base'), (3, 20.00, NULL), (4, 7.77, 'base');
INSERT INTO chg VALUES (1, 1, -10.00), (2, 2, 5.00), (3, 3, 1.25), (4, 9, 8.00), (5, NULL, 3.00);
-- view by_tier
SELECT tier, count(*) AS n, sum(bal) AS s FROM acc GROUP BY tier
-- view pending
SELECT a.id, a.bal, c.amt, a.bal + c.amt AS after FROM acc a JOIN chg c ON c.acc = a.id
-- view orphan
SELECT c.id, c.amt FROM chg c WHERE NOT EXISTS (SELECT 1 FROM acc a WHERE a.id = c.acc)
-- view archived
SELECT a.tier, sum(r.amt) AS s, count(*) AS n FROM arch r LEFT JOIN acc a ON a.id = r.id GROUP BY a.tier
-- view richest
SELECT id, bal FROM acc ORDER BY bal DESC, id LIMIT 2
-- step
UPDATE acc SET bal = acc.bal + c.amt FROM chg c WHERE c.acc = acc.id;
-- step
INSERT INTO arch SELECT acc, amt FROM chg WHERE acc IN (SELECT id FROM acc);
DELETE FROM chg USING acc a WHERE a.id = chg.acc;
-- step
UPDATE acc SET tier = CASE WHEN bal > 50 THEN 'gold' ELSE 'base' END;
INSERT INTO chg SELECT id + 10, id, 1.00 FROM acc WHERE tier = 'base';
-- step
DELETE FROM acc USING chg c WHERE c.acc = acc.id AND acc.bal < 6;
-- step
UPDATE acc SET bal = bal + 200.00 WHERE tier = 'base';
UPDATE chg SET acc = a.id FROM (SELECT max(id) AS id FROM acc) a WHERE chg.acc IS NULL OR chg.acc = 9;
-- step
INSERT INTO arch SELECT a.id, c.amt FROM acc a JOIN chg c ON c.acc = a.id;
TRUNCATE chg;
