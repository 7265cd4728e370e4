-- A row's program is the node's own file from here on; rows of before meant a container's file of that path as well, and still do.
UPDATE open_ports SET container = 'either'
  WHERE exe NOT IN ('', 'kernel') AND container = '' AND lower(action) <> 'deny';
