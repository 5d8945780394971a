--! title = "Profit of items returned and rebought by catalog"
--! question = "For items bought in a store in April, returned, and bought by the same customer from the catalog until October, what were the profits and the loss by item and store?"
--! param.AGG = { default = "sum", sql = ["sum", "min", "max", "avg", "stddev_samp"] }
--! param.YEAR = { default = 2001, int = [1998, 2002] }

select
    i_item_id,
    i_item_desc,
    s_store_id,
    s_store_name,
    {AGG}(ss_net_profit) as store_sales_profit,
    {AGG}(sr_net_loss) as store_returns_loss,
    {AGG}(cs_net_profit) as catalog_sales_profit
from store_sales
join store_returns
    on ss_customer_sk = sr_customer_sk
    and ss_item_sk = sr_item_sk
    and ss_ticket_number = sr_ticket_number
join catalog_sales
    on sr_customer_sk = cs_bill_customer_sk
    and sr_item_sk = cs_item_sk
join date_dim as d1 on ss_sold_date_sk = d1.d_date_sk
join date_dim as d2 on sr_returned_date_sk = d2.d_date_sk
join date_dim as d3 on cs_sold_date_sk = d3.d_date_sk
join store on ss_store_sk = s_store_sk
join item on ss_item_sk = i_item_sk
where d1.d_moy = 4
    and d1.d_year = {YEAR}
    and d2.d_moy between 4 and 10
    and d2.d_year = {YEAR}
    and d3.d_moy between 4 and 10
    and d3.d_year = {YEAR}
group by i_item_id, i_item_desc, s_store_id, s_store_name
order by i_item_id, i_item_desc nulls first, s_store_id, s_store_name nulls first
limit 100
