--! title = "Store quantities for groups of people and places"
--! question = "How many units did stores sell in a year to three groups of people within price bands, in three groups of states within profit bands?"
--! param.ES.default = ["4 yr Degree", "2 yr Degree", "College"]
--! param.ES.count = 3
--! param.ES.text = "education"
--! param.MS = { default = ["M", "D", "S"], count = 3, text = "marital_status" }
--! param.STATE.default = ["CO", "OH", "TX", "OR", "MN", "KY", "VA", "CA", "MS"]
--! param.STATE.count = 9
--! param.STATE.text = "states"
--! param.YEAR = { default = 2000, int = [1998, 2002] }
--! deviations = ["the sum, unnamed in the definition, is called total_quantity"]

select sum(ss_quantity) as total_quantity
from store_sales
join store on ss_store_sk = s_store_sk
-- the join keys stand in every branch of the two ors, as defined
join customer_demographics
    on (
        ss_cdemo_sk = cd_demo_sk
        and cd_marital_status = {MS.1}
        and cd_education_status = {ES.1}
        and ss_sales_price between 100.00 and 150.00
    )
    or (
        ss_cdemo_sk = cd_demo_sk
        and cd_marital_status = {MS.2}
        and cd_education_status = {ES.2}
        and ss_sales_price between 50.00 and 100.00
    )
    or (
        ss_cdemo_sk = cd_demo_sk
        and cd_marital_status = {MS.3}
        and cd_education_status = {ES.3}
        and ss_sales_price between 150.00 and 200.00
    )
join customer_address
    on (
        ss_addr_sk = ca_address_sk
        and ca_country = 'United States'
        and ca_state in ({STATE.1}, {STATE.2}, {STATE.3})
        and ss_net_profit between 0 and 2000
    )
    or (
        ss_addr_sk = ca_address_sk
        and ca_country = 'United States'
        and ca_state in ({STATE.4}, {STATE.5}, {STATE.6})
        and ss_net_profit between 150 and 3000
    )
    or (
        ss_addr_sk = ca_address_sk
        and ca_country = 'United States'
        and ca_state in ({STATE.7}, {STATE.8}, {STATE.9})
        and ss_net_profit between 50 and 25000
    )
join date_dim on ss_sold_date_sk = d_date_sk
where d_year = {YEAR}
