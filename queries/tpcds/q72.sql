--! title = "Catalog orders that outran the stock of their week"
--! question = "For which items, warehouses and weeks were catalog orders larger than the stock on hand and shipped more than five days later, with and without promotion?"
--! param.BP = { default = ">10000", text = ["1001-5000", ">10000", "501-1000"] }
--! param.MS = { default = "D", text = "marital_status" }
--! param.YEAR = { default = 1999, int = [1998, 2002] }

select
    i_item_desc,
    w_warehouse_name,
    d1.d_week_seq,
    sum(case when p_promo_sk is null then 1 else 0 end) as no_promo,
    sum(case when p_promo_sk is not null then 1 else 0 end) as promo,
    count(*) as total_cnt
from catalog_sales
join inventory on cs_item_sk = inv_item_sk
join warehouse on inv_warehouse_sk = w_warehouse_sk
join item on cs_item_sk = i_item_sk
join customer_demographics on cs_bill_cdemo_sk = cd_demo_sk
join household_demographics on cs_bill_hdemo_sk = hd_demo_sk
join date_dim as d1 on cs_sold_date_sk = d1.d_date_sk
join date_dim as d2 on inv_date_sk = d2.d_date_sk
join date_dim as d3 on cs_ship_date_sk = d3.d_date_sk
left join promotion on cs_promo_sk = p_promo_sk
-- no column of the returns is used and their key is unique: the join changes no row
left join catalog_returns
    on cs_item_sk = cr_item_sk
    and cs_order_number = cr_order_number
where d1.d_week_seq = d2.d_week_seq
    and inv_quantity_on_hand < cs_quantity
    and d3.d_date > d1.d_date + interval '5' day
    and hd_buy_potential = {BP}
    and d1.d_year = {YEAR}
    and cd_marital_status = {MS}
group by i_item_desc, w_warehouse_name, d1.d_week_seq
order by total_cnt desc, i_item_desc nulls first, w_warehouse_name nulls first, d1.d_week_seq
limit 100
