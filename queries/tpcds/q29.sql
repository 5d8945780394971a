--! title = "Quantities of items returned and rebought by catalog"
--! question = "For items bought in a store in one month, returned within three months after it, and bought by the same customer from the catalog in three years, what were the quantities by item and store?"
--! param.AGG = { default = "sum", sql = ["sum", "min", "max", "avg", "stddev_samp"] }
--! # the qualification value is 9, the template itself always draws 4
--! param.MONTH = { default = 9, int = [4, 4] }
--! param.YEAR = { default = 1999, int = [1998, 2000] }

select
    i_item_id,
    i_item_desc,
    s_store_id,
    s_store_name,
    {AGG}(ss_quantity) as store_sales_quantity,
    {AGG}(sr_return_quantity) as store_returns_quantity,
    {AGG}(cs_quantity) as catalog_sales_quantity
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
where d1.d_moy = {MONTH}
    and d1.d_year = {YEAR}
    and d2.d_moy between {MONTH} and {MONTH} + 3
    and d2.d_year = {YEAR}
    and d3.d_year in ({YEAR}, {YEAR} + 1, {YEAR} + 2)
group by i_item_id, i_item_desc, s_store_id, s_store_name
order by i_item_id, i_item_desc nulls first, s_store_id, s_store_name nulls first
limit 100
