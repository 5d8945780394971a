--! title = "Items bought in a store, returned and bought by catalog"
--! question = "For items bought in a store in the first quarter, returned, and bought again by catalog within three quarters, how do the quantities of the three events vary by item and state?"
--! param.YEAR = { default = 2001, int = [1998, 2002] }

select
    i_item_id,
    i_item_desc,
    s_state,
    count(ss_quantity) as store_sales_quantitycount,
    avg(ss_quantity) as store_sales_quantityave,
    stddev_samp(ss_quantity) as store_sales_quantitystdev,
    stddev_samp(ss_quantity) / avg(ss_quantity) as store_sales_quantitycov,
    count(sr_return_quantity) as store_returns_quantitycount,
    avg(sr_return_quantity) as store_returns_quantityave,
    stddev_samp(sr_return_quantity) as store_returns_quantitystdev,
    stddev_samp(sr_return_quantity) / avg(sr_return_quantity) as store_returns_quantitycov,
    count(cs_quantity) as catalog_sales_quantitycount,
    avg(cs_quantity) as catalog_sales_quantityave,
    stddev_samp(cs_quantity) as catalog_sales_quantitystdev,
    stddev_samp(cs_quantity) / avg(cs_quantity) as catalog_sales_quantitycov
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
where d1.d_quarter_name = '{YEAR}Q1'
    and d2.d_quarter_name in ('{YEAR}Q1', '{YEAR}Q2', '{YEAR}Q3')
    and d3.d_quarter_name in ('{YEAR}Q1', '{YEAR}Q2', '{YEAR}Q3')
group by i_item_id, i_item_desc, s_state
order by i_item_id, i_item_desc nulls first, s_state nulls first
limit 100
