--! title = "Excess discount of a manufacturer's items on the web"
--! question = "What is the total of the web discounts on a manufacturer's items that exceed 1.3 times the item's average discount in 90 days?"
--! param.IMID = { default = 350, int = [1, 1000] }
--! param.WSDATE = { default = "2000-01-27", date = ["{YEAR}-01-01", "{YEAR}-04-01"] }
--! param.YEAR = { default = 2000, int = [1998, 2002] }
--! deviations = ["the column has a plain identifier instead of a quoted one"]

select sum(ws_ext_discount_amt) as excess_discount_amount
from web_sales
join item on ws_item_sk = i_item_sk
join date_dim on ws_sold_date_sk = d_date_sk
where i_manufact_id = {IMID}
    and d_date between {WSDATE} and {WSDATE} + interval '90' day
    and ws_ext_discount_amt > (
        select 1.3 * avg(ws2.ws_ext_discount_amt)
        from web_sales as ws2
        join date_dim as d2 on ws2.ws_sold_date_sk = d2.d_date_sk
        where ws2.ws_item_sk = i_item_sk
            and d2.d_date between {WSDATE} and {WSDATE} + interval '90' day
    )
order by sum(ws_ext_discount_amt) nulls first
limit 100
