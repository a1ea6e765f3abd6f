-- Interval literals added to dates and timestamps (results are timestamps), an interval window join; NULL ends.
-- setup
CREATE TABLE sess (id integer PRIMARY KEY, usr integer, started timestamp);
CREATE TABLE act (usr integer, at timestamp, what text);
INSERT INTO sess VALUES (1, 1, '2024-05-01 10:00:00'), (2, 1, '2024-05-01 12:00:00'), (3, 2, '2024-05-01 10:30:00'), (4, 3, NULL), (5, NULL, '2024-05-02 00:00:00');
INSERT INTO act VALUES (1, '2024-05-01 10:15:00', 'click'), (1, '2024-05-01 10:15:00', 'click'), (1, '2024-05-01 11:30:00', 'view'), (2, '2024-05-01 11:29:59', 'click'),
  (2, '2024-05-01 11:30:00', 'view'), (3, '2024-05-01 11:30:00', 'view'), (NULL, '2024-05-02 00:10:00', 'click');
-- view v_shift
SELECT id, started + interval '1 hour' AS until, started - interval '1 day' AS yesterday FROM sess
-- view v_within
SELECT s.id, a.at, a.what FROM sess s JOIN act a ON a.usr = s.usr AND a.at >= s.started AND a.at < s.started + interval '1 hour'
-- view v_within_n
SELECT s.id, count(a.at) AS n FROM sess s LEFT JOIN act a ON a.usr = s.usr AND a.at >= s.started AND a.at < s.started + interval '1 hour' GROUP BY s.id
-- step
INSERT INTO act VALUES (1, '2024-05-01 12:00:00', 'click'), (1, '2024-05-01 13:00:00', 'late');
-- step
UPDATE sess SET started = '2024-05-01 11:00:00' WHERE id = 3;
-- step
DELETE FROM act WHERE what = 'click';
-- step
UPDATE sess SET started = '2024-05-01 11:00:00' WHERE id = 4;
UPDATE act SET at = at + interval '30 minutes' WHERE usr = 1;
-- step
UPDATE sess SET usr = 1 WHERE id = 5;
INSERT INTO act VALUES (1, '2024-05-02 00:59:59', 'edge');
