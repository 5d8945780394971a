--! title = "Web orders from several warehouses, none returned"
--! question = "How many web orders shipped to a state within 60 days came from more than one warehouse and had no return, and what were their shipping cost and profit?"
--! param.MONTH = { default = 2, int = [2, 5] }
--! param.STATE = { default = "IL", text = "states" }
--! param.YEAR = { default = 1999, int = [1999, 2002] }
--! deviations = ["the columns have plain identifiers instead of quoted ones"]

select
    count(distinct ws1.ws_order_number) as order_count,
    sum(ws1.ws_ext_ship_cost) as total_shipping_cost,
    sum(ws1.ws_net_profit) as total_net_profit
from web_sales as ws1
join date_dim on ws1.ws_ship_date_sk = d_date_sk
join customer_address on ws1.ws_ship_addr_sk = ca_address_sk
join web_site on ws1.ws_web_site_sk = web_site_sk
where d_date between date '{YEAR}-0{MONTH}-01' and date '{YEAR}-0{MONTH}-01' + interval '60' day
    and ca_state = {STATE}
    and web_company_name = 'pri'
    and exists (
        select *
        from web_sales as ws2
        where ws2.ws_order_number = ws1.ws_order_number
            and ws2.ws_warehouse_sk <> ws1.ws_warehouse_sk
    )
    and not exists (
        select *
        from web_returns
        where wr_order_number = ws1.ws_order_number
    )
order by count(distinct ws1.ws_order_number)
limit 100
